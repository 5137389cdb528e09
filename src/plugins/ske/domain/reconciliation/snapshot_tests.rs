//! What the real Kratix wrote at each stage of Promises and requests, and what it means.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{Reconciliation, State, state_of};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kratix-status")
}

fn read(snapshot: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{snapshot}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn found(snapshot: &str) -> Reconciliation {
    state_of(&read(snapshot))
}

/// Snapshot, state, reason, and whether nothing more happens by itself.
const SNAPSHOTS: [(&str, State, &str, bool); 22] = [
    (
        "promise-app-requirements-missing",
        State::WaitingForPromise,
        "RequirementsNotInstalled",
        false,
    ),
    (
        "promise-app-stack-available-but-applying",
        State::Reconciled,
        "PromiseAvailable",
        false,
    ),
    (
        "promise-namespace-1-available-without-workflows",
        State::Reconciled,
        "PromiseAvailable",
        false,
    ),
    (
        "promise-namespace-claim-1-requirements-missing",
        State::WaitingForPromise,
        "RequirementsNotInstalled",
        false,
    ),
    (
        "promise-namespace-claim-2-available-stale-reconciled",
        State::Reconciled,
        "PromiseAvailable",
        false,
    ),
    (
        "promise-redis-1-pipeline-running",
        State::Running,
        "PipelinesInProgress",
        false,
    ),
    (
        "promise-redis-2-available",
        State::Reconciled,
        "PromiseAvailable",
        false,
    ),
    (
        "promise-redis-3-paused",
        State::Paused,
        "PausedReconciliation",
        true,
    ),
    (
        "request-redis-1-waiting-for-promise",
        State::WaitingForPromise,
        "PromiseRequirementsNotInstalled",
        false,
    ),
    (
        "request-redis-2-pipeline-running",
        State::Running,
        "PipelinesInProgress",
        false,
    ),
    (
        "request-redis-3-completed",
        State::Reconciled,
        "Reconciled",
        false,
    ),
    (
        "request-redis-4-failed",
        State::Failed,
        "ConfigureWorkflowFailed",
        true,
    ),
    (
        "request-redis-5-paused",
        State::Paused,
        "PausedReconciliation",
        true,
    ),
    (
        "request-redis-6-suspended",
        State::Suspended,
        "WorkflowSuspended",
        true,
    ),
    (
        "request-redis-7-retry-after",
        State::Suspended,
        "WorkflowSuspended",
        false,
    ),
    (
        "request-claim-8-deleting-pipeline-running",
        State::Deleting,
        "",
        false,
    ),
    (
        "request-claim-9-delete-failed",
        State::Deleting,
        "DeleteWorkflowFailed",
        true,
    ),
    (
        "request-claim-10-delete-suspended-retry",
        State::Deleting,
        "DeleteWorkflowSuspended",
        false,
    ),
    ("request-nopipe-11-no-workflow", State::Reconciled, "", false),
    (
        "request-nowhere-12-works-misplaced",
        State::WorksPending,
        "WorksPending",
        false,
    ),
    (
        "request-redis-13-works-failing",
        State::WorksFailing,
        "WorksFailing",
        true,
    ),
    (
        "request-redis-14-unhealthy",
        State::Reconciled,
        "Reconciled",
        false,
    ),
];

#[test]
fn each_snapshot_of_kratix_has_its_state() {
    for (snapshot, state, reason, halted) in SNAPSHOTS {
        let found = found(snapshot);
        assert_eq!(
            (
                found.state,
                found.reason.as_deref().unwrap_or_default(),
                found.halted
            ),
            (state, reason, halted),
            "{snapshot}: {found:?}"
        );
    }
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let files: BTreeSet<_> = files
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, SNAPSHOTS.map(|(snapshot, ..)| snapshot.to_owned()).into());
}

#[test]
fn what_is_missing_is_named() {
    for (snapshot, note) in [
        (
            "promise-app-requirements-missing",
            "It requires postgresql v1.0.0-beta.3 (Requirement not installed at the specified version), nginx-ingress \
             v1.0.0-beta.2 (Requirement not installed)",
        ),
        (
            "promise-namespace-claim-1-requirements-missing",
            "It requires namespace v1.0.0 (Requirement not installed)",
        ),
        (
            "request-redis-1-waiting-for-promise",
            "It waits for the Promise 'redis', whose state says what is missing",
        ),
    ] {
        assert_eq!(found(snapshot).note.as_deref(), Some(note), "{snapshot}");
    }
    let mut half = read("promise-app-requirements-missing");
    half["status"]["requiredPromises"][0]["state"] = json!("Requirement installed");
    let note = state_of(&half).note.unwrap();
    assert!(note.starts_with("It requires nginx-ingress"), "{note}");
    half["status"]["requiredPromises"] = json!([7, {}, {"version": "v1"}]);
    assert_eq!(state_of(&half).note, None);
}

#[test]
fn what_waits_for_a_time_or_for_a_person_says_so() {
    for (snapshot, pipeline, retry, says) in [
        (
            "request-redis-6-suspended",
            "instance-configure",
            (None, None),
            "waiting for approval",
        ),
        (
            "request-redis-7-retry-after",
            "instance-configure",
            (Some("2026-11-30T22:53:42Z"), Some(1)),
            "ticket 123 not approved",
        ),
        (
            "request-claim-10-delete-suspended-retry",
            "claim-release",
            (Some("2026-11-30T22:57:53Z"), Some(1)),
            "suspended",
        ),
    ] {
        let found = found(snapshot);
        assert_eq!(
            (found.next_retry_at.as_deref(), found.attempts),
            retry,
            "{snapshot}"
        );
        let told = found.pipelines.first().unwrap();
        assert_eq!(
            (told.next_retry_at.as_deref(), told.attempts),
            retry,
            "{snapshot}"
        );
        assert_eq!(
            (told.name.as_str(), told.phase.as_deref()),
            (pipeline, Some("Suspended"))
        );
        assert!(found.note.unwrap().contains(says), "{snapshot}");
    }
}

#[test]
fn health_records_are_shown_and_warn() {
    let found = found("request-redis-14-unhealthy");
    assert_eq!(
        found.warning.as_deref(),
        Some("Its health is unhealthy, as ex-health says")
    );
    let written = serde_json::to_value(&found).unwrap();
    let record = json!({"name": "ex-health", "namespace": "default", "state": "unhealthy", "lastRun": 1_700_000_000,
        "details": {"info": "redis pods are crash looping"}});
    assert_eq!(
        written["health"],
        json!({"state": "unhealthy", "records": [record]})
    );
    let mut object = read("request-redis-14-unhealthy");
    for (health, warning) in [
        (
            json!({"state": "healthy", "healthRecords": [{"state": "ready"}]}),
            None,
        ),
        (json!({"state": "degraded"}), Some("Its health is degraded")),
        (
            json!({"healthRecords": [{"state": "degraded", "source": {"name": "a"}}]}),
            Some("Its health is degraded, as a says"),
        ),
        (json!({"healthRecords": "x"}), None),
        (json!([]), None),
    ] {
        object["status"]["healthStatus"] = health.clone();
        assert_eq!(state_of(&object).warning.as_deref(), warning, "{health}");
    }
}

#[test]
fn a_request_without_a_workflow_says_why_it_is_done() {
    let mut object = read("request-nopipe-11-no-workflow");
    assert!(state_of(&object).note.unwrap().contains("no workflow"));
    object["metadata"]["generation"] = json!(2);
    let behind = state_of(&object);
    assert_eq!((behind.state, behind.note), (State::Applying, None));
}

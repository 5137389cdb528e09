//! Every state, which of two wins, and every form Kratix has given its status.

use serde_json::{Value, json};

use super::{Reconciliation, State, state_of};

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    let message = format!("about {kind}");
    json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-08-21T10:00:00Z"})
}

/// A request in its third generation, all of which has been worked through.
pub(super) fn object(conditions: &[(&str, &str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status, reason)| condition(kind, status, reason))
        .collect();
    json!({
        "apiVersion": "example.com/v1", "kind": "Redis",
        "metadata": {"name": "cache", "generation": 3},
        "status": {"observedGeneration": 3, "conditions": conditions},
    })
}

fn state(conditions: &[(&str, &str, &str)]) -> State {
    state_of(&object(conditions)).state
}

const CONFIGURED: &str = "ConfigureWorkflowCompleted";
pub(super) const DONE: (&str, &str, &str) = (CONFIGURED, "True", "PipelinesExecutedSuccessfully");
pub(super) const FAILED: (&str, &str, &str) = (CONFIGURED, "False", "ConfigureWorkflowFailed");
pub(super) const RUNNING: (&str, &str, &str) = (CONFIGURED, "False", "PipelinesInProgress");
const UNAVAILABLE: (&str, &str, &str) = ("PromiseAvailable", "False", "Pending");
const PAUSED: (&str, &str, &str) = ("Reconciled", "Unknown", "PausedReconciliation");
pub(super) const RECONCILED: (&str, &str, &str) = ("Reconciled", "True", "Reconciled");
const PENDING: (&str, &str, &str) = ("WorksSucceeded", "Unknown", "WorksPending");
const FAILING: (&str, &str, &str) = ("WorksSucceeded", "False", "WorksFailing");

#[test]
fn each_condition_leads_to_its_state() {
    for (conditions, expected) in [
        (&[FAILED][..], State::Failed),
        (&[UNAVAILABLE], State::WaitingForPromise),
        (
            &[("PromiseAvailable", "True", "PromiseAvailable"), RECONCILED],
            State::Reconciled,
        ),
        (&[PAUSED], State::Paused),
        (
            &[("Reconciled", "Unknown", "WorkflowSuspended")],
            State::Suspended,
        ),
        (&[RUNNING], State::Running),
        (&[FAILING], State::WorksFailing),
        (
            &[("WorksSucceeded", "False", "WorksMisplaced")],
            State::WorksFailing,
        ),
        (&[PENDING], State::WorksPending),
        (
            &[DONE, ("WorksSucceeded", "True", "WorksSucceeded"), RECONCILED],
            State::Reconciled,
        ),
        (&[("Reconciled", "Unknown", "WorkflowPending")], State::Applying),
        (
            &[DONE, ("Reconciled", "Unknown", "WorkflowPending")],
            State::Applying,
        ),
        (
            &[DONE, ("Reconciled", "Unknown", "WorksPending")],
            State::WorksPending,
        ),
        (
            &[DONE, ("WorksSucceeded", "True", "WorksSucceeded")],
            State::Reconciled,
        ),
        (&[DONE], State::Applying),
        (&[("Reconciled", "False", "WorksFailing")], State::WorksFailing),
        (
            &[("Reconciled", "False", "ConfigureWorkflowFailed")],
            State::Failed,
        ),
        (&[("Reconciled", "False", "SomethingNew")], State::Applying),
        (&[(CONFIGURED, "False", "SomethingNew")], State::Applying),
        (
            &[(CONFIGURED, "True", "ConfigureWorkflowFailed"), RECONCILED],
            State::Reconciled,
        ),
        (
            &[("Reconciled", "True", "PausedReconciliation")],
            State::Reconciled,
        ),
        (
            &[("DryRunSucceeded", "True", "x"), ("Unpaused", "False", "x")],
            State::Unknown,
        ),
        (&[], State::Unknown),
    ] {
        assert_eq!(state(conditions), expected, "{conditions:?}");
    }
}

#[test]
fn the_first_rule_that_fits_wins() {
    // Each entry also holds what all later ones hold.
    let generation_behind = |object: &mut Value| object["status"]["observedGeneration"] = json!(2);
    for (conditions, behind, expected) in [
        (&[FAILED, UNAVAILABLE, PAUSED, FAILING][..], true, State::Failed),
        (
            &[RUNNING, UNAVAILABLE, PAUSED, FAILING],
            true,
            State::WaitingForPromise,
        ),
        (&[RUNNING, PAUSED, FAILING], true, State::Paused),
        (&[RUNNING, RECONCILED, FAILING], true, State::Running),
        (&[DONE, RECONCILED, FAILING], true, State::Applying),
        (&[DONE, RECONCILED, FAILING], false, State::WorksFailing),
        (&[DONE, RECONCILED, PENDING], false, State::WorksPending),
        (&[DONE, RECONCILED], false, State::Reconciled),
    ] {
        let mut object = object(conditions);
        if behind {
            generation_behind(&mut object);
        }
        assert_eq!(state_of(&object).state, expected, "{conditions:?}");
        object["metadata"]["deletionTimestamp"] = json!("2026-08-21T10:00:00Z");
        assert_eq!(state_of(&object).state, State::Deleting, "{conditions:?}");
    }
}

#[test]
fn a_deletion_tells_what_holds_it_up() {
    let deleting = |reason: &str, status: &str| {
        let mut object = object(&[("DeleteWorkflowCompleted", status, reason)]);
        object["metadata"]["deletionTimestamp"] = json!("2026-08-21T10:00:00Z");
        state_of(&object)
    };
    let failed = deleting("DeleteWorkflowFailed", "False");
    assert_eq!(
        (failed.state, failed.reason.as_deref()),
        (State::Deleting, Some("DeleteWorkflowFailed"))
    );
    assert!(failed.warning.is_some() && failed.note.is_none());
    let suspended = deleting("DeleteWorkflowSuspended", "False");
    assert_eq!(
        suspended.message.as_deref(),
        Some("about DeleteWorkflowCompleted")
    );
    assert!(suspended.warning.is_none() && suspended.note.is_some());
    let other = deleting("SomethingNew", "False");
    assert_eq!(
        (other.reason.as_deref(), other.warning, other.note),
        (Some("SomethingNew"), None, None)
    );
    let done = deleting("DeleteWorkflowFailed", "True");
    assert_eq!((done.reason, done.message, done.warning), (None, None, None));
}

#[test]
fn the_message_is_that_of_the_condition_that_decided() {
    let failed = state_of(&object(&[RECONCILED, FAILED]));
    assert_eq!(failed.reason.as_deref(), Some("ConfigureWorkflowFailed"));
    assert_eq!(
        failed.message.as_deref(),
        Some("about ConfigureWorkflowCompleted")
    );
    let pending = state_of(&object(&[("Reconciled", "Unknown", "RequirementsNotFulfilled")]));
    assert_eq!(
        (pending.state, pending.reason.as_deref()),
        (State::Applying, Some("RequirementsNotFulfilled"))
    );
}

#[test]
fn a_generation_ahead_of_the_observed_one_is_still_being_applied() {
    for (generation, observed, conditions, expected) in [
        (json!(2), json!(1), &[][..], State::Applying),
        (json!(2), json!(2), &[], State::Unknown),
        (json!(1), json!(2), &[], State::Unknown),
        // Without an observed generation, only a kind that has conditions counts generations at all.
        (json!(1), json!(null), &[], State::Unknown),
        (json!(1), json!(null), &[RECONCILED], State::Applying),
        (json!(0), json!(null), &[RECONCILED], State::Reconciled),
        (json!(null), json!(null), &[RECONCILED], State::Reconciled),
        (json!(2.0), json!(1.0), &[], State::Applying),
        (json!("2"), json!(1), &[RECONCILED], State::Reconciled),
        (json!(2), json!("1"), &[RECONCILED], State::Reconciled),
        (json!(2), json!({}), &[RECONCILED], State::Reconciled),
    ] {
        let mut object = object(conditions);
        object["metadata"]["generation"] = generation.clone();
        object["status"]["observedGeneration"] = observed.clone();
        assert_eq!(
            state_of(&object).state,
            expected,
            "{generation} {observed} {conditions:?}"
        );
    }
}

#[test]
fn a_status_of_wrong_types_is_one_that_says_nothing() {
    for status in [
        json!(null),
        json!("ready"),
        json!([]),
        json!({"conditions": null}),
        json!({"conditions": {}}),
        json!({"conditions": "x"}),
        json!({"conditions": [null, 1, "x", [], {}]}),
        json!({"conditions": [{"type": 1, "status": "False"}]}),
        json!({"healthStatus": "x", "requiredPromises": 7, "message": 1}),
        json!({"kratix": "x"}),
    ] {
        let object = json!({"metadata": {"generation": 3}, "status": status});
        let found = state_of(&object);
        assert_eq!(
            (found.state, found.pipelines.len()),
            (State::Unknown, 0),
            "{object}"
        );
    }
    for object in [json!(null), json!([]), json!({}), json!({"metadata": "x"})] {
        assert_eq!(state_of(&object).state, State::Unknown, "{object}");
    }
    for status in [
        json!({"conditions": [{"type": "PromiseAvailable", "status": false}], "observedGeneration": 3}),
        json!({"kratix": {"workflows": []}}),
        json!({"kratix": {"workflows": {"pipelines": {}, "configure": 1}}}),
    ] {
        let object = json!({"metadata": {"generation": 3}, "status": status});
        assert_eq!(state_of(&object).state, State::Applying, "{object}");
    }
}

/// What each generation of Kratix writes besides the conditions, for a pipeline that failed.
fn generations() -> [(&'static str, Value); 4] {
    let pipelines = json!([{"name": "instance", "phase": "Failed", "attempts": 2, "message": "exit 1"}]);
    [
        ("nothing but conditions", json!({})),
        (
            "counters beside pipelines",
            json!({"workflows": 1, "workflowsSucceeded": 0, "workflowsFailed": 1,
                "kratix": {"workflows": {"pipelines": pipelines, "suspendedGeneration": 1}}}),
        ),
        (
            "no counters",
            json!({"kratix": {"workflows": {"pipelines": pipelines}}}),
        ),
        (
            "pipelines below their workflow",
            json!({"kratix": {"workflows": {"configure": {"pipelines": pipelines}, "delete": {"pipelines": []}}}}),
        ),
    ]
}

#[test]
fn the_state_is_the_same_in_every_generation_of_kratixs_status() {
    for (name, more) in generations() {
        let mut object = object(&[FAILED, UNAVAILABLE]);
        let status = object["status"].as_object_mut().unwrap();
        status.extend(more.as_object().unwrap().clone());
        let found = state_of(&object);
        assert_eq!(found.state, State::Failed, "{name}");
        if more.get("kratix").is_some() {
            let pipeline = found.pipelines.first().expect(name);
            assert_eq!(
                (pipeline.name.as_str(), pipeline.phase.as_deref()),
                ("instance", Some("Failed")),
                "{name}"
            );
            assert_eq!(pipeline.message.as_deref(), Some("exit 1"), "{name}");
        }
    }
}

#[test]
fn a_deletion_shows_the_pipelines_of_the_delete_workflow() {
    let mut object = object(&[]);
    object["metadata"]["deletionTimestamp"] = json!("2026-08-21T10:00:00Z");
    object["status"]["kratix"] = json!({"workflows": {
        "configure": {"pipelines": [{"name": "make"}]}, "delete": {"pipelines": [{"name": "unmake"}, {"phase": "x"}]},
    }});
    let names: Vec<_> = state_of(&object)
        .pipelines
        .into_iter()
        .map(|pipeline| pipeline.name)
        .collect();
    assert_eq!(names, ["unmake"]);
}

#[test]
fn the_answer_is_written_with_what_is_known_and_nothing_else() {
    let written = |found: &Reconciliation| serde_json::to_value(found).unwrap();
    assert_eq!(
        written(&state_of(&object(&[UNAVAILABLE]))),
        json!({"state": "waiting-for-promise", "reason": "Pending", "message": "about PromiseAvailable",
            "generation": 3, "observedGeneration": 3})
    );
    assert_eq!(written(&state_of(&json!({}))), json!({"state": "unknown"}));
    for (conditions, word) in [(&[FAILING][..], "works-failing"), (&[RECONCILED], "reconciled")] {
        assert_eq!(written(&state_of(&object(conditions)))["state"], word);
    }
}

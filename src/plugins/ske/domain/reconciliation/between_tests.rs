//! What Kratix does not say in one condition: what is between two states, what goes on by itself, what is of the past.

use serde_json::json;

use super::{
    State, state_of, state_of_request,
    tests::{DONE, FAILED, RECONCILED, RUNNING, object},
};

#[test]
fn applying_always_carries_a_reason_and_a_message() {
    let mut stale = object(&[DONE, RECONCILED]);
    stale["status"]["observedGeneration"] = json!(2);
    let mut fresh = object(&[]);
    fresh["metadata"]["labels"] = json!({"kratix.io/promise-name": "redis"});
    fresh["status"] = json!(null);
    let mut finalized = object(&[]);
    finalized["metadata"]["finalizers"] = json!(["example.com/x", "kratix.io/work-cleanup"]);
    finalized["status"] = json!({"message": "Pending"});
    for (object, reason, message) in [
        (
            stale,
            "GenerationNotObserved",
            "Generation 3 has not been worked through yet; the last one was 2",
        ),
        (fresh, "Pending", "Kratix has not said anything of it yet"),
        (finalized, "Pending", "Pending"),
    ] {
        let found = state_of(&object);
        assert_eq!(found.state, State::Applying, "{object}");
        assert_eq!(
            (found.reason.as_deref(), found.message.as_deref()),
            (Some(reason), Some(message))
        );
    }
}

#[test]
fn an_offered_kind_is_applying_before_kratix_left_a_trace() {
    let fresh = json!({"metadata": {"generation": 1}});
    assert_eq!(state_of(&fresh).state, State::Unknown);
    assert_eq!(state_of_request(&fresh).state, State::Applying);
    let observed = json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1}});
    assert_eq!(
        state_of(&observed).state,
        State::Unknown,
        "as a StatefulSet writes it"
    );
    assert_eq!(state_of_request(&observed).state, State::Reconciled);
    let behind = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}});
    assert_eq!(state_of_request(&behind).state, State::Applying);
}

#[test]
fn a_pipeline_that_runs_is_running_before_its_condition_says_so() {
    let mut object = object(&[DONE, RECONCILED]);
    object["status"]["kratix"] = json!({"workflows": {"pipelines": [{"name": "make", "phase": "Running"}]}});
    assert_eq!(
        state_of(&object).state,
        State::Reconciled,
        "the condition is newer"
    );
    object["status"]["observedGeneration"] = json!(2);
    let found = state_of(&object);
    assert_eq!(
        (found.state, found.message.as_deref()),
        (State::Running, Some("Pipeline 'make' is running"))
    );
}

#[test]
fn a_suspension_is_over_when_the_specification_changed() {
    let mut object = object(&[RUNNING, ("Reconciled", "Unknown", "WorkflowSuspended")]);
    for (suspended, workflows, expected) in [
        (3, json!({"suspendedGeneration": 3}), State::Suspended),
        (2, json!({"suspendedGeneration": 2}), State::Running),
        (
            2,
            json!({"configure": {"suspendedGeneration": 2}}),
            State::Running,
        ),
        (0, json!({}), State::Suspended),
    ] {
        object["status"]["kratix"] = json!({ "workflows": workflows });
        assert_eq!(state_of(&object).state, expected, "{suspended}");
    }
}

#[test]
fn what_is_tried_again_by_itself_is_not_at_its_end() {
    let retried = json!([{"name": "first", "phase": "Succeeded"},
        {"name": "make", "phase": "Suspended", "nextRetryAt": "2026-08-21T11:00:00Z", "attempts": 4}]);
    let suspended = ("Reconciled", "Unknown", "WorkflowSuspended");
    let delete_failed = ("DeleteWorkflowCompleted", "False", "DeleteWorkflowFailed");
    for (conditions, deleting) in [
        (&[FAILED][..], false),
        (&[suspended], false),
        (&[delete_failed], true),
    ] {
        let mut object = object(conditions);
        if deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-08-21T10:00:00Z");
        }
        assert!(state_of(&object).halted, "{conditions:?}");
        object["status"]["kratix"] = json!({"workflows": {"pipelines": retried}});
        let found = state_of(&object);
        assert!(!found.halted, "{conditions:?}");
        assert_eq!(
            (found.next_retry_at.as_deref(), found.attempts),
            (Some("2026-08-21T11:00:00Z"), Some(4))
        );
        object["metadata"]["labels"] = json!({"kratix.io/paused": "true"});
        assert!(state_of(&object).halted, "nothing is tried while it is paused");
    }
}

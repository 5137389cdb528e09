//! `GET /api/ske/resource/state`, followed through what Kratix writes.

use serde_json::{Value, json};

use super::place::Place;

#[tokio::test]
async fn every_state_is_told_as_kratix_brings_a_request_there() {
    let place = Place::open().await;
    let kratix = place.kratix();
    place.create("mine").await;
    let state = async || place.state("mine").await["state"].clone();
    assert_eq!(state().await, "applying", "a Promise offers the kind");
    kratix.promise_available("mine", false).await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("waiting-for-promise"), &json!("PromiseUnavailable"))
    );
    kratix.promise_available("mine", true).await;
    kratix.adopt("mine").await;
    kratix.start_workflow("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["generation"]),
        (&json!("running"), &json!(1))
    );
    assert_eq!(seen["observedGeneration"], Value::Null);
    kratix.finish_workflow("mine").await;
    assert_eq!(state().await, "works-pending");
    kratix.fail_works("mine", "WorksMisplaced").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("works-failing"), &json!("WorksMisplaced"))
    );
    kratix.fail_works("mine", "WorksFailing").await;
    assert_eq!(place.state("mine").await["reason"], "WorksFailing");
    kratix.finish_works("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["observedGeneration"]),
        (&json!("reconciled"), &json!(1))
    );
    // The same generation once more, as after a manual reconciliation.
    kratix.start_workflow("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("running"), &json!("PipelinesInProgress"))
    );
}

#[tokio::test]
async fn a_changed_spec_is_applying_until_its_workflow_ended_well() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    place.write("mine", json!({"size": "large"})).await.ok();
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["generation"]),
        (&json!("applying"), &json!(2))
    );
    assert_eq!(seen["observedGeneration"], 1);
    kratix.start_workflow("mine").await;
    assert_eq!(place.state("mine").await["state"], "running");
    kratix.fail_workflow("mine", "provision").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("failed"), &json!("ConfigureWorkflowFailed"))
    );
    assert!(seen["message"].as_str().unwrap().contains("provision"), "{seen}");
    assert_eq!(seen["observedGeneration"], 1);
    kratix.reconcile("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["observedGeneration"]),
        (&json!("reconciled"), &json!(2))
    );
}

#[tokio::test]
async fn a_request_that_was_halted_says_by_what() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    kratix.pause("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("paused"), &json!("PausedReconciliation"))
    );
    // Nothing is applied while it is paused, so it stays what it is said to be.
    place.write("mine", json!({"size": "large"})).await.ok();
    assert_eq!(place.state("mine").await["state"], "paused");
    kratix.suspend("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("suspended"), &json!("WorkflowSuspended"))
    );
}

#[tokio::test]
async fn a_deletion_whose_workflow_fails_is_still_a_deletion_and_warns() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    place.delete("mine").await.ok();
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["warning"]),
        (&json!("deleting"), &Value::Null)
    );
    kratix.fail_deletion("mine").await;
    let seen = place.state("mine").await;
    assert_eq!(
        (&seen["state"], &seen["reason"]),
        (&json!("deleting"), &json!("DeleteWorkflowFailed"))
    );
    assert!(
        seen["warning"]
            .as_str()
            .unwrap()
            .contains("delete workflow failed"),
        "{seen}"
    );
    kratix.let_go("mine").await;
    let (status, _) = place
        .get(&super::portal::state(&place.kind, &place.namespace, "mine"))
        .await
        .refused();
    assert_eq!(status, 404);
}

#[tokio::test]
async fn left_to_itself_a_request_becomes_reconciled_and_again_after_each_change() {
    let place = Place::open().await;
    let _running = place.kratix().run();
    for (generation, size) in [(1, "small"), (2, "medium"), (3, "large")] {
        place.write("mine", json!({"size": size})).await.ok();
        let end = tokio::time::Instant::now() + crate::support::app::LIMIT;
        loop {
            let seen = place.state("mine").await;
            if seen["state"] == "reconciled" {
                assert_eq!(
                    seen["observedGeneration"], generation,
                    "a state of the past was told"
                );
                break;
            }
            let on_its_way = ["applying", "running", "works-pending"];
            assert!(on_its_way.contains(&seen["state"].as_str().unwrap()), "{seen}");
            assert!(tokio::time::Instant::now() < end, "it stays {seen}");
        }
    }
}

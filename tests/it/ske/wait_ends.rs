//! How waits for a resource end: in the state that was asked for, in failure, or with their time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    actions::{ended, invoke, mine, wanted},
    modes::in_mode,
    place::Place,
};
use crate::{actions::portal::Reply, support::app::STATIC_TOKEN};

/// Waits for `mine` with these further fields of the input, and says how long it took.
async fn wait(place: &Place, more: Value) -> (Reply, Duration) {
    let mut input = mine(place);
    for (field, value) in more.as_object().unwrap() {
        input[field] = value.clone();
    }
    let begun = Instant::now();
    let reply = invoke(&place.app, STATIC_TOKEN, "wait-for-resource", &input).await;
    (reply, begun.elapsed())
}

#[tokio::test]
async fn a_wait_for_a_resource_that_gives_up_is_a_200_that_says_so() {
    let place = Place::open().await;
    place.create("mine").await;
    let (reply, took) = wait(&place, json!({ "timeoutSeconds": 1 })).await;
    ended(&reply, "applying", true);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (reply, _) = wait(&place, json!({ "timeoutSeconds": 241 })).await;
    assert!(reply.refused().2.contains("at most 240"), "{reply:?}");
}

#[tokio::test]
async fn a_wait_ends_with_a_failure_that_stays_and_with_any_state_that_was_asked_for() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    kratix.fail_workflow("mine", "provision").await;
    let (reply, took) = wait(&place, json!({ "failOnFailure": false })).await;
    ended(&reply, "failed", false);
    assert_eq!(reply.output()["reason"], "ConfigureWorkflowFailed");
    assert!(reply.output()["message"].as_str().unwrap().contains("provision"));
    assert!(took < Duration::from_secs(10), "{took:?}");
    kratix.reconcile("mine").await;
    kratix.pause("mine").await;
    let (reply, took) = wait(&place, json!({ "state": "paused" })).await;
    ended(&reply, "paused", false);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_wait_that_ends_in_failure_fails_its_step() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    kratix.fail_workflow("mine", "provision").await;
    let (reply, _) = wait(&place, json!({})).await;
    let (status, name, message) = reply.refused();
    assert_eq!((status, name.as_str()), (409, "ConflictError"), "{message}");
    assert!(reply.text.contains("\"state\":\"failed\""), "{reply:?}");
    let object = format!("Database {}/mine is in state failed: ", place.namespace);
    let look = format!(
        "look at: kubectl logs -n {} -l kratix.io/resource-name=mine --all-containers",
        place.namespace
    );
    assert!(
        message.starts_with(&object) && message.contains("provision"),
        "{message}"
    );
    assert!(
        message.ends_with(&look) && reply.phrase.contains("--all-containers"),
        "{reply:?}"
    );
    // What was asked for is no failure, whatever it is.
    let (reply, _) = wait(&place, json!({ "state": "failed" })).await;
    ended(&reply, "failed", false);
    kratix.pause("mine").await;
    kratix.reconcile("mine").await;
    kratix.pause("mine").await;
    let (reply, _) = wait(&place, json!({})).await;
    assert!(
        reply.refused().2.contains("remove its label kratix.io/paused"),
        "{reply:?}"
    );
    place.delete("mine").await.ok();
    let (reply, _) = wait(&place, json!({})).await;
    assert!(reply.refused().2.contains("is in state deleting"), "{reply:?}");
}

#[tokio::test]
async fn a_wait_for_gone_ends_when_the_object_is() {
    let place = Place::open().await;
    let gone = json!({ "state": "gone" });
    place.create("mine").await;
    place.kratix().reconcile("mine").await;
    place.delete("mine").await.ok();
    let lets_go = async {
        sleep(Duration::from_millis(500)).await;
        place.kratix().let_go("mine").await;
    };
    let ((reply, took), ()) = tokio::join!(wait(&place, gone.clone()), lets_go);
    assert_eq!(reply.output(), json!({ "state": "gone", "timedOut": false }));
    assert!(took > Duration::from_secs(1), "it was there at first: {took:?}");
    let (reply, _) = wait(&place, gone.clone()).await;
    ended(&reply, "gone", false);
    // A kind that is not served is a mistake and no end.
    let mut misspelt = gone.clone();
    misspelt["kind"] = json!("Databse");
    let (reply, _) = wait(&place, misspelt).await;
    assert_eq!(reply.refused().0, 404);
    // Nor is an object whose deletion was not asked for.
    place.create("other").await;
    let (reply, _) = wait(
        &place,
        json!({ "state": "gone", "name": "other", "timeoutSeconds": 1 }),
    )
    .await;
    ended(&reply, "applying", true);
}

#[tokio::test]
async fn a_kind_that_goes_with_its_object_is_gone_as_well() {
    let place = Place::open().await;
    place.create("mine").await;
    let definition = format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}.{}",
        place.kind.plural, place.kind.group
    );
    let uninstalls = async {
        sleep(Duration::from_millis(500)).await;
        place.cluster.api().delete(&definition).await.ok();
    };
    let ((reply, _), ()) = tokio::join!(wait(&place, json!({ "state": "gone" })), uninstalls);
    ended(&reply, "gone", false);
}

#[tokio::test]
async fn a_deletion_that_fails_ends_a_wait_for_gone() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    place.delete("mine").await.ok();
    kratix.fail_deletion("mine").await;
    let (reply, _) = wait(&place, json!({ "state": "gone" })).await;
    let (status, _, message) = reply.refused();
    assert!(
        status == 409 && message.contains("delete workflow failed"),
        "{message}"
    );
    let (reply, _) = wait(&place, json!({ "state": "gone", "failOnFailure": false })).await;
    ended(&reply, "deleting", false);
}

#[tokio::test]
async fn a_request_that_flips_never_ends_a_wait_as_success() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    let flips = async {
        loop {
            kratix.fail_works("mine", "WorksFailing").await;
            sleep(Duration::from_millis(120)).await;
            kratix.finish_works("mine").await;
            sleep(Duration::from_millis(120)).await;
        }
    };
    let (reply, _) = tokio::select! {
        waited = wait(&place, json!({ "timeoutSeconds": 15 })) => waited,
        () = flips => unreachable!(),
    };
    let output = reply.output();
    assert!(
        output["state"] != "reconciled" && output["timedOut"] == true,
        "{output}"
    );
    kratix.fail_works("mine", "WorksFailing").await;
    let (reply, took) = wait(&place, json!({})).await;
    assert!(reply.refused().2.contains("kubectl describe works"), "{reply:?}");
    assert!(
        took >= Duration::from_secs(10) && took < Duration::from_secs(40),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_failure_of_the_past_does_not_end_a_wait() {
    let place = Place::open().await;
    place.create("mine").await;
    let kratix = place.kratix();
    kratix.reconcile("mine").await;
    kratix.fail_workflow("mine", "provision").await;
    place.write("mine", json!({ "size": "large" })).await.ok();
    let takes_it_up = async {
        sleep(Duration::from_millis(200)).await;
        kratix.reconcile("mine").await;
    };
    let ((reply, _), ()) = tokio::join!(wait(&place, json!({})), takes_it_up);
    ended(&reply, "reconciled", false);
}

#[tokio::test]
async fn in_hybrid_a_wait_begins_before_the_platform_has_followed() {
    let (place, _workshop) = in_mode("hybrid").await;
    let written = invoke(
        &place.app,
        STATIC_TOKEN,
        "configure-resource",
        &wanted(&place, "small"),
    )
    .await;
    assert!(written.output()["commitsha"].is_string());
    let follows = async {
        sleep(Duration::from_secs(1)).await;
        place.create("mine").await;
        place.kratix().reconcile("mine").await;
    };
    let ((reply, _), ()) = tokio::join!(wait(&place, json!({})), follows);
    ended(&reply, "reconciled", false);
}

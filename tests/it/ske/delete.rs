//! `POST /api/ske/delete-resource`: what goes, and what comes back.

use serde_json::{Value, json};

use super::{
    place::{DELETE, Place},
    portal::{named, post},
};
use crate::support::app::STATIC_TOKEN;

#[tokio::test]
async fn without_finalizers_the_answer_is_the_servers_status_and_the_object_is_gone() {
    let place = Place::open().await;
    let uid = place.create("mine").await["metadata"]["uid"].clone();
    let deleted = place.delete("mine").await.ok();
    assert_eq!(deleted["kind"], "Status");
    assert_eq!(deleted["status"], "Success");
    assert_eq!(deleted["details"]["uid"], uid);
    assert_eq!(deleted["warnings"], Value::Null);
    assert_eq!(place.read("mine").await.status, 404);
}

#[tokio::test]
async fn while_finalizers_run_deleting_again_is_answered_like_the_first_time() {
    let place = Place::open().await;
    place.create("mine").await;
    place.kratix().reconcile("mine").await;
    let first = place.delete("mine").await.ok();
    let since = &first["metadata"]["deletionTimestamp"];
    assert!(since.is_string(), "{first}");
    assert_eq!(first["kind"], "Database");
    let second = place.delete("mine").await.ok();
    assert_eq!(&second["metadata"]["deletionTimestamp"], since);
    let read = place.read("mine").await.ok();
    assert_eq!(&read["manifest"]["metadata"]["deletionTimestamp"], since);
    place.kratix().let_go("mine").await;
    assert_eq!(place.delete("mine").await.refused().0, 404);
}

#[tokio::test]
async fn deleting_what_is_not_there_is_a_404() {
    let place = Place::open().await;
    place.create("mine").await;
    let (status, message) = place.delete("other").await.refused();
    assert!(status == 404 && message.contains("does not exist"), "{message}");
    let elsewhere = named(&place.kind, "nowhere", "mine");
    let (status, _) = post(&place.app, STATIC_TOKEN, DELETE, &elsewhere).await.refused();
    assert_eq!(status, 404);
    assert_eq!(place.read("mine").await.status, 200);
}

#[tokio::test]
async fn without_a_namespace_the_object_in_default_goes_and_no_other() {
    let place = Place::open().await;
    place.create("same").await;
    let request = place.kind.request("same", json!({ "size": "small" }));
    place
        .cluster
        .api()
        .create(&place.kind.path("default"), &request)
        .await
        .ok();
    let body = json!({ "name": "same", "kind": "Database", "apiVersion": place.kind.api_version() });
    post(&place.app, STATIC_TOKEN, DELETE, &body).await.ok();
    assert_eq!(
        place
            .cluster
            .api()
            .get(&place.kind.object_path("default", "same"))
            .await
            .status,
        404
    );
    assert_eq!(place.read("same").await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_name_an_object_is_a_400_and_nothing_goes() {
    let place = Place::open().await;
    place.create("mine").await;
    let whole = named(&place.kind, &place.namespace, "mine");
    for field in ["name", "kind", "apiVersion"] {
        for (value, said) in [
            (Value::Null, "is missing"),
            (json!(""), "is missing"),
            (json!(7), "must be text"),
            (json!(["mine"]), "must be text"),
            (json!({"$ne": ""}), "must be text"),
            (json!(true), "must be text"),
        ] {
            let mut body = whole.clone();
            body[field] = value;
            let (status, message) = post(&place.app, STATIC_TOKEN, DELETE, &body).await.refused();
            assert!(
                status == 400 && message.contains(&format!("'{field}' {said}")),
                "{body}: {message}"
            );
        }
    }
    let mut body = whole.clone();
    body["namespace"] = json!(7);
    assert_eq!(
        post(&place.app, STATIC_TOKEN, DELETE, &body).await.refused().0,
        400
    );
    for body in ["[]", "[{}]", "{}", ""] {
        assert_eq!(
            place.send(DELETE, "application/json", body).await.refused().0,
            400,
            "{body:?}"
        );
    }
    assert_eq!(place.read("mine").await.status, 200);
}

#[tokio::test]
async fn a_promise_goes_only_when_that_is_switched_on_and_is_named_in_the_refusal() {
    let body = |place: &Place| {
        let promise = &place.kind.promise;
        json!({ "name": promise, "kind": "Promise", "apiVersion": "platform.kratix.io/v1alpha1" })
    };
    let place = Place::open().await;
    let (status, message) = post(&place.app, STATIC_TOKEN, DELETE, &body(&place))
        .await
        .refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.deletePromises"),
        "{message}"
    );
    place.cluster.api().get(&place.kind.promise_path()).await.ok();
    let place = Place::with("{ deletePromises: true }").await;
    post(&place.app, STATIC_TOKEN, DELETE, &body(&place)).await.ok();
    assert_eq!(
        place.cluster.api().get(&place.kind.promise_path()).await.status,
        404
    );
}

#[tokio::test]
async fn what_a_gitops_tool_owns_is_deleted_with_a_warning() {
    let place = Place::open().await;
    place.create("mine").await;
    let mark = json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": "shop:g/Database:n/mine" } } });
    place.cluster.api().patch(&place.path("mine"), &mark).await.ok();
    let deleted = place.delete("mine").await.ok();
    assert_eq!(deleted["status"], "Success");
    let warning = deleted["warnings"][0].as_str().unwrap();
    assert!(warning.contains("Argo CD (Application shop)"), "{warning}");
    assert_eq!(place.read("mine").await.status, 404);
}

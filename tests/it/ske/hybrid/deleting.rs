//! Deletions in hybrid: Git decides, and what only the cluster has is told apart from what nobody has.

use serde_json::json;

use super::{As, Pair, document};
use crate::{
    ske::gitops::place::hash_of,
    support::{app::STATIC_TOKEN, kubernetes::Kratix},
};

async fn with_one(name: &str) -> Pair {
    Pair::holding(name, |kind, namespace| {
        vec![("requests/mine.yaml", document(kind, namespace, "mine"))]
    })
    .await
}

#[tokio::test]
async fn a_deletion_is_a_commit_and_the_live_object_is_left_to_the_platform() {
    let pair = with_one("deletes").await;
    pair.create("mine").await;
    let app = pair.portal(As::Account, "").await;
    let answer = pair.delete(&app, STATIC_TOKEN, "mine").await.ok();
    assert_eq!(answer, json!({ "commitHash": pair.commits()[0] }));
    assert_eq!(pair.remote.files(), ["README", "requests/.gitkeep"]);
    let subject = pair.remote.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(subject, format!("chore: delete Database {}/mine", pair.namespace));
    let (status, live) = pair.live("mine").await;
    assert_eq!(
        (status, &live["metadata"]["deletionTimestamp"]),
        (200, &json!(null))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_only_the_repository_has_is_deleted_there() {
    let pair = with_one("unapplied").await;
    let app = pair.portal(As::Account, "").await;
    assert_eq!(
        hash_of(pair.delete(&app, STATIC_TOKEN, "mine").await),
        pair.commits()[0]
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_nobody_has_is_a_404_and_what_only_the_cluster_has_a_409() {
    let pair = with_one("only").await;
    pair.create("made-with-kubectl").await;
    let app = pair.portal(As::Account, "").await;
    let (status, message) = pair.delete(&app, STATIC_TOKEN, "nobodys").await.refused();
    assert!(status == 404 && message.contains("nobodys"), "{status} {message}");
    let (status, message) = pair
        .delete(&app, STATIC_TOKEN, "made-with-kubectl")
        .await
        .refused();
    assert_eq!(status, 409, "{message}");
    assert!(
        message.contains("exists on the platform but not in the repository"),
        "{message}"
    );
    assert_eq!(pair.commits().len(), 2);
    assert_eq!(pair.live("made-with-kubectl").await.0, 200);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn deleting_again_while_the_platform_deletes_is_a_404() {
    let pair = with_one("again").await;
    pair.create("mine").await;
    // Its finalizers keep it for as long as its delete workflows run.
    Kratix::of(&pair.cluster, &pair.kind, &pair.namespace)
        .adopt("mine")
        .await;
    let app = pair.portal(As::Account, "").await;
    pair.delete(&app, STATIC_TOKEN, "mine").await.ok();
    pair.cluster
        .api()
        .delete(&pair.kind.object_path(&pair.namespace, "mine"))
        .await
        .ok();
    let (_, live) = pair.live("mine").await;
    assert!(live["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(pair.delete(&app, STATIC_TOKEN, "mine").await.refused().0, 404);
    assert_eq!(pair.commits().len(), 3);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_promise_is_deleted_only_when_that_is_switched_on() {
    let promise = |name: &str| {
        format!(
            "apiVersion: platform.kratix.io/v1alpha1\nkind: Promise\nmetadata:\n  name: {name}\nspec: {{}}\n"
        )
    };
    let pair = Pair::holding("promise", |kind, _| {
        vec![("requests/p.yaml", promise(&kind.promise))]
    })
    .await;
    let named = json!({
        "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise", "name": pair.kind.promise, "namespace": "any",
    });
    let app = pair.portal(As::Account, "").await;
    let said = crate::ske::portal::post(&app, STATIC_TOKEN, crate::ske::place::DELETE, &named).await;
    let (status, message) = said.refused();
    assert!(
        status == 403 && message.contains("stagedoor.ske.deletePromises"),
        "{message}"
    );
    app.stop().await.unwrap();
    let app = pair.portal(As::Account, "deletePromises: true").await;
    crate::ske::portal::post(&app, STATIC_TOKEN, crate::ske::place::DELETE, &named)
        .await
        .ok();
    assert_eq!(pair.commits().len(), 3);
    app.stop().await.unwrap();
}

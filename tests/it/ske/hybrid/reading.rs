//! Reads in hybrid are reads of the cluster, whatever the repository says.

use serde_json::json;

use super::{As, Pair, document};
use crate::support::kubernetes::Kratix;

#[tokio::test]
async fn an_object_is_read_from_the_cluster_with_its_status() {
    let pair = Pair::holding("reads", |kind, namespace| {
        vec![(
            "requests/a.yaml",
            document(kind, namespace, "mine").replace("small", "medium"),
        )]
    })
    .await;
    let app = pair.portal(As::Account, "").await;
    let token = pair.user(As::Account, "");
    assert_eq!(
        pair.read(&app, &token, "mine").await.refused().0,
        404,
        "only the repository has it"
    );
    let made = pair.create("mine").await;
    let read = pair.read(&app, &token, "mine").await.ok();
    assert_eq!(read["manifest"]["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(read["manifest"]["spec"]["size"], "small");
    let kratix = Kratix::of(&pair.cluster, &pair.kind, &pair.namespace);
    kratix.reconcile("mine").await;
    let state = pair.state(&app, &token, "mine").await.ok();
    assert_eq!(state["state"], "reconciled", "{state}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_repository_that_cannot_be_reached_keeps_nobody_from_reading() {
    let pair = Pair::new("reads-on").await;
    pair.create("mine").await;
    let config = pair.config(As::Account, "").await;
    let down = config.replace(&pair.server.url("state.git"), "http://127.0.0.1:1/state.git");
    let app = crate::support::app::TestApp::start(&down).await;
    let token = pair.user(As::Account, "");
    pair.read(&app, &token, "mine").await.ok();
    pair.state(&app, &token, "mine").await.ok();
    let (status, message) = pair.write(&app, &token, "mine").await.refused();
    assert!(
        status == 502 && message.contains("127.0.0.1:1/state.git"),
        "{status} {message}"
    );
    let live = pair.live("mine").await.1;
    assert_eq!(live["spec"]["size"], json!("small"));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn users_read_with_their_own_rights_also_in_hybrid() {
    let pair = Pair::new("own-reads").await;
    pair.create("mine").await;
    for acting in [As::Oidc, As::Impersonated] {
        let app = pair.portal(acting, "").await;
        let reader = format!("reader-{}", pair.namespace);
        pair.allow(&Pair::subject(acting, &reader), &["get"]).await;
        pair.read(&app, &pair.user(acting, &reader), "mine").await.ok();
        let (status, message) = pair
            .read(&app, &pair.user(acting, "stranger"), "mine")
            .await
            .refused();
        assert!(
            status == 403 && message.contains("cannot get resource"),
            "{acting:?}: {status} {message}"
        );
        app.stop().await.unwrap();
    }
}

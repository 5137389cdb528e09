//! What is refused in hybrid as it is in the other modes: input, a sign-in that is not accepted, a race that is lost.

use serde_json::json;

use super::{As, Pair, direct};
use crate::{
    ske::portal::get,
    support::{
        app::{STATIC_TOKEN, TestApp},
        git::server::Step,
    },
};

#[tokio::test]
async fn a_missing_or_incomplete_parameter_is_a_400_in_hybrid_too() {
    let pair = Pair::new("input").await;
    let app = pair.portal(As::Account, "").await;
    for (query, says) in [
        ("name=mine&apiVersion=example.org/v1", "'kind'"),
        ("name=&kind=Database&apiVersion=example.org/v1", "'name'"),
        (
            "name=mine&kind=Database&apiVersion=undefined/undefined",
            "kratix.io/group",
        ),
    ] {
        let path = format!("/api/ske/resource?{query}");
        let (status, message) = get(&app, STATIC_TOKEN, &path).await.refused();
        assert!(
            status == 400 && message.contains(says),
            "{query}: {status} {message}"
        );
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_the_cluster_does_not_accept_is_a_401_in_hybrid_and_no_commit() {
    let pair = Pair::new("sign-in").await;
    pair.create("mine").await;
    let app = TestApp::start(&direct(&pair.config(As::Oidc, "").await)).await;
    let signed = pair.cluster.issuer().token("jane", &[]);
    let token = pair
        .backstage
        .user("jane", json!({ "tok": format!("{signed}x") }));
    for said in [
        pair.read(&app, &token, "mine").await,
        pair.write(&app, &token, "mine").await,
        pair.delete(&app, &token, "mine").await,
    ] {
        let (status, message) = said.refused();
        assert_eq!(status, 401, "{message}");
        assert!(message.contains("sign in to keycloak again"), "{message}");
    }
    assert_eq!(pair.server.count(Step::Push), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn who_loses_every_race_in_hybrid_is_told_409_and_that_nothing_was_written() {
    let pair = Pair::new("race").await;
    let app = pair.portal(As::Account, "").await;
    let before = pair.commits();
    // As another push that hangs while it holds the branch.
    let folder = pair.remote.git(&["rev-parse", "--absolute-git-dir"]);
    let lock = format!("{folder}/refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let (status, message) = pair.write(&app, STATIC_TOKEN, "mine").await.refused();
    assert_eq!(status, 409, "{message}");
    assert!(message.contains("nothing was written"), "{message}");
    assert_eq!(pair.commits(), before);
    std::fs::remove_file(lock).unwrap();
    pair.write(&app, STATIC_TOKEN, "mine").await.ok();
    app.stop().await.unwrap();
}

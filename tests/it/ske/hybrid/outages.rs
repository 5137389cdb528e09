//! A cluster that cannot be asked in hybrid: no answer about rights means no commit.

use std::time::Instant;

use super::{As, Pair, document};
use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    git::server::{PASSWORD, Step},
};

async fn with_one(name: &str) -> Pair {
    Pair::holding(name, |kind, namespace| {
        vec![("requests/mine.yaml", document(kind, namespace, "mine"))]
    })
    .await
}

/// Writes and deletes, each refused so in bounded time; nothing is committed.
async fn is_refused(pair: &Pair, app: &TestApp, token: &str, (status, says): (u16, &str)) {
    let begun = Instant::now();
    for said in [
        pair.write(app, token, "mine").await,
        pair.write(app, token, "new").await,
        pair.delete(app, token, "mine").await,
    ] {
        let refused = said.refused();
        assert!(
            refused.0 == status && refused.1.contains(says),
            "{refused:?} instead of {status} {says}"
        );
    }
    assert!(begun.elapsed() < LIMIT);
    assert_eq!(pair.commits().len(), 2);
    assert_eq!(pair.server.count(Step::Push), 0);
}

#[tokio::test]
async fn a_cluster_that_is_down_is_a_502_and_no_commit() {
    let pair = with_one("down").await;
    for acting in [As::Account, As::Oidc, As::Impersonated] {
        let config = super::direct(&pair.config(acting, "").await);
        let down = config.replace(&pair.cluster.url(), "https://127.0.0.1:1");
        let app = TestApp::start(&down).await;
        is_refused(&pair, &app, &pair.user(acting, "jane"), (502, "'platform'")).await;
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_refuses_our_token_is_a_502_and_no_commit() {
    let pair = with_one("token").await;
    let config = pair.config(As::Account, "").await;
    let at = config.find("serviceAccountToken: ").unwrap();
    let end = at + config[at..].find('\n').unwrap();
    let wrong = format!(
        "{}serviceAccountToken: not-a-token{}",
        &config[..at],
        &config[end..]
    );
    let app = TestApp::start(&wrong).await;
    is_refused(&pair, &app, STATIC_TOKEN, (502, "serviceAccountToken")).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_stands_still_is_a_504_and_no_commit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://{}", listener.local_addr().unwrap());
    let pair = with_one("silent").await;
    let config = pair.config(As::Account, "timeout: 1s").await;
    let app = TestApp::start(&config.replace(&pair.cluster.url(), &silent)).await;
    is_refused(&pair, &app, STATIC_TOKEN, (504, "did not answer")).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_credential_of_the_repository_is_a_502_whoever_writes() {
    let pair = with_one("credential").await;
    let config = pair.config(As::Account, "").await.replace(PASSWORD, "another");
    let app = TestApp::start(&config).await;
    is_refused(&pair, &app, STATIC_TOKEN, (502, "did not accept the credential")).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn check_tries_the_cluster_and_the_repository() {
    let pair = with_one("check").await;
    let checks = TestApp::check(&pair.config(As::Account, "").await).await;
    let names: Vec<_> = checks
        .iter()
        .map(|check| (check.name.as_str(), check.outcome.is_ok()))
        .collect();
    assert!(names.iter().all(|(_, well)| *well), "{names:?}");
    for part in ["SKE cluster", "SKE account", "SKE Promises"] {
        assert!(names.iter().any(|(name, _)| *name == part), "{names:?}");
    }
    let told: Vec<_> = checks
        .into_iter()
        .filter_map(|check| check.outcome.ok())
        .collect();
    assert!(told.iter().any(|told| told.contains("state.git")), "{told:?}");
    assert_eq!(pair.server.count(Step::Push), 0);
}

//! Who answers which path.

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::portal::{Portal, read};
use crate::support::app::TestApp;

/// Sends the request line as it is, which no HTTP client would; returns the answer's status.
async fn ask(app: &TestApp, target: &str) -> u16 {
    let mut stream = TcpStream::connect(app.base.replace("http://", "")).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: portal.test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_is_ours_never_reaches_the_portal_however_it_is_spelt() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    for target in [
        "/api/spacelift-io/stacks",
        "/API/Spacelift-IO/stacks",
        "//api//spacelift-io//stacks",
        "/api/%73pacelift-io/stacks",
        "/api/spacelift-io/nothing-here",
        "/api/spacelift-io/stacks/a%2Fb/trigger",
    ] {
        let status = ask(&app, target).await;
        assert!(matches!(status, 401 | 404), "{target}: {status}");
    }
    for health in ["readiness", "liveness"] {
        assert_eq!(ask(&app, &format!("/.backstage/health/v1/{health}")).await, 200);
    }
    assert_eq!(portal.asked().len(), 0, "{:?}", portal.asked());
}

#[tokio::test]
async fn a_path_that_is_ours_for_some_readers_only_is_refused() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    for target in [
        "/api%2Fspacelift-io/stacks",
        "/api/catalog/../spacelift-io/stacks",
        "/api/catalog/%2e%2e/spacelift-io/stacks",
        "/api/catalog/..%2Fspacelift-io/stacks",
        "/api/spacelift-io/../catalog",
        "/./api/spacelift-io",
    ] {
        assert_eq!(ask(&app, target).await, 400, "{target}");
    }
    assert_eq!(portal.asked().len(), 0, "{:?}", portal.asked());
}

#[tokio::test]
async fn everything_else_is_the_portals_and_so_is_a_plugin_that_is_off() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    for path in [
        "/",
        "/catalog",
        "/api/catalog/entities",
        "/api/ske/resource?name=x",
        "/api/spacelift-iox",
    ] {
        let answer = app.client.get(app.url(path)).send().await.unwrap();
        assert_eq!(
            read(answer).await,
            (StatusCode::OK, "portal".to_owned()),
            "{path}"
        );
    }
    let targets: Vec<String> = portal.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(
        targets,
        [
            "/",
            "/catalog",
            "/api/catalog/entities",
            "/api/ske/resource?name=x",
            "/api/spacelift-iox"
        ]
    );
}

#[tokio::test]
async fn an_upstream_that_is_no_plain_address_is_refused_at_the_start() {
    for (upstream, problem) in [
        ("localhost:7007", "no address"),
        ("http://localhost:7007/portal", "has a path"),
        ("http://jane:secret@localhost:7007", "user name or password"),
    ] {
        let config = Portal::plain().await.app_config("");
        let config = config.split("stagedoor:").next().unwrap().to_owned()
            + &format!("stagedoor: {{ upstream: '{upstream}' }}\n");
        let problems = TestApp::refused(&config, stagedoor::plugins::register).await;
        let said = problems.join("\n");
        assert!(
            said.contains("stagedoor.upstream") && said.contains(problem),
            "{upstream}: {said}"
        );
        assert!(!said.contains("secret"), "{said}");
    }
}

//! A backend that is down, comes back, or breaks off; and callers who send what could be read in two ways.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::portal::{Portal, read};
use crate::support::{
    app::{TestApp, backend_section},
    log::Remembered,
};

/// An address nobody listens at.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_page_load_without_the_portal_tries_again_by_itself() {
    let app = TestApp::start(&format!(
        "{}stagedoor:\n  upstream: {}\n",
        backend_section(),
        nowhere().await
    ))
    .await;
    let (log, _listening) = Remembered::listen();
    let visit = app.client.get(app.url("/catalog?x=secret"));
    let visit = visit.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let answer = visit.header("sec-fetch-mode", "navigate").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = answer.text().await.unwrap();
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    for told in ["stagedoor", "secret", "upstream", "127.0.0.1"] {
        assert!(!page.contains(told), "{told}: {page}");
    }
    let id = page.split("<code>").nth(1).unwrap().split('<').next().unwrap();
    let log = log.text();
    assert!(
        log.contains(id) && log.contains("stagedoor.upstream cannot be reached"),
        "{log}"
    );
    for (method, accept, kind) in [
        ("GET", "*/*", "json"),
        ("POST", "text/html", "json"),
        ("GET", "text/html", "html"),
    ] {
        let request = app
            .client
            .request(method.parse().unwrap(), app.url("/api/catalog"));
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert!(
            answer.headers()["content-type"].to_str().unwrap().contains(kind),
            "{method} {accept}"
        );
    }
}

#[tokio::test]
async fn without_the_portal_its_routes_are_502_and_ours_keep_working() {
    let config = format!(
        "{}spacelift: {{ hostUrl: acme.example.com, apiKey: key, apiSecret: secret }}\nstagedoor:\n  upstream: {}\n",
        backend_section(),
        nowhere().await
    );
    let app = TestApp::start(&config).await;
    let (status, body) = read(app.client.get(app.url("/catalog?x=secret")).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"]["name"], "ServiceUnavailableError");
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cannot be reached"),
        "{body}"
    );
    for told in ["secret", "stagedoor"] {
        assert!(!body.to_string().contains(told), "{body}");
    }
    assert_eq!(app.get("/api/spacelift-io/health").await.status(), 200);
    assert_eq!(app.get("/.backstage/health/v1/readiness").await.status(), 200);
}

/// Sends the bytes as they are, and returns everything that comes until the connection ends.
async fn send(app: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(app.base.replace("http://", "")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways_is_refused_and_reaches_nobody() {
    let portal = Portal::start(|_| async { Response::default() }).await;
    let app = portal.behind_stagedoor("").await;
    let hidden = "GET /api/secret HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = format!("content-length: {}\r\n", hidden.len() + 5);
    let chunked = "transfer-encoding: chunked\r\n";
    for framing in [
        format!("{length}{chunked}"),
        format!("{chunked}{length}"),
        "transfer-encoding: gzip, chunked\r\n".to_owned(),
        format!("{chunked}{chunked}"),
        format!("{length}content-length: 1\r\n"),
        "content-length: +5\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        format!("content-length: {}5\r\n", "0".repeat(60)),
    ] {
        let request = format!("POST /api/catalog HTTP/1.1\r\nhost: x\r\n{framing}\r\n0\r\n\r\n{hidden}");
        let answer = send(&app, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
    }
    assert_eq!(portal.asked().len(), 0, "{:?}", portal.asked());
}

#[tokio::test]
async fn a_body_that_breaks_is_the_callers_fault_and_not_the_portals() {
    let portal = Portal::start(|request| async move {
        let _ = axum::body::to_bytes(request.into_body(), 1 << 16).await;
        Response::default()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let request = "POST /api/catalog HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\nnonsense\r\n";
    let answer = send(&app, request).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("broke off"), "{answer}");
    read(app.client.get(app.url("/catalog")).send().await.unwrap()).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    stagedoor::infra::tasks::Tasks::default().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
            .await
            .unwrap();
    });
    let app = TestApp::start(&format!(
        "{}stagedoor:\n  upstream: {origin}\n",
        backend_section()
    ))
    .await;
    let answer = app.client.get(app.url("/x")).send().await.unwrap();
    assert!(answer.bytes().await.is_err(), "a cut answer must not look whole");
}

#[tokio::test]
async fn the_check_asks_the_backend_behind_us_whether_it_is_ready() {
    let portal = Portal::plain().await;
    let checks = TestApp::check(&portal.app_config("")).await;
    let behind = |checks: Vec<stagedoor::backstage::Check>| {
        let mut named = checks
            .into_iter()
            .filter(|check| check.name == "Backstage behind us");
        named.next().expect("a line of its own").outcome
    };
    assert!(behind(checks).is_ok());
    let down = portal.app_config("").replace(&portal.origin, &nowhere().await);
    assert!(
        behind(TestApp::check(&down).await)
            .unwrap_err()
            .contains("cannot be reached")
    );
}

//! A backend that is down, comes back, or breaks off; and callers who send what could be read in two ways.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::portal::{Portal, read};
use crate::support::app::{TestApp, backend_section};

/// An address nobody listens at.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
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
            .contains("stagedoor.upstream"),
        "{body}"
    );
    assert!(!body.to_string().contains("secret"), "{body}");
    assert_eq!(app.get("/api/spacelift-io/health").await.status(), 200);
    assert_eq!(app.get("/.backstage/health/v1/readiness").await.status(), 200);
}

#[tokio::test]
async fn of_a_length_and_chunks_the_chunks_count_and_nothing_hides_behind_them() {
    let portal = Portal::start(|_| async { Response::default() }).await;
    let app = portal.behind_stagedoor("").await;
    let hidden = "GET /api/secret HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!(
        "POST /api/catalog HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        hidden.len() + 5
    );
    let mut stream = TcpStream::connect(app.base.replace("http://", "")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(
        answer.matches("HTTP/1.1").count(),
        1,
        "the connection ends after one answer: {answer}"
    );
    let asked = portal.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(!asked[0].headers.contains_key("content-length"), "{asked:?}");
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

//! How long a connection may take, and how it ends.

use super::support::{TestServer, request};

#[tokio::test]
async fn a_head_that_trickles_in_gets_a_408() {
    let server = TestServer::start(r#"{"backend":{"server":{"headersTimeout":50}}}"#).await;
    let mut client = server.client().await;
    client.send("GET /short HTTP/1.1\r\nhost: te").await;
    assert_eq!(client.answer().await.status, 408);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed() {
    let server = TestServer::start(r#"{"backend":{"server":{"headersTimeout":50}}}"#).await;
    assert!(server.client().await.is_closed().await);
}

#[tokio::test]
async fn a_body_that_trickles_in_gets_a_408() {
    let server = TestServer::start(r#"{"backend":{"server":{"requestTimeout":50}}}"#).await;
    for content_type in ["application/json", "text/plain"] {
        let mut client = server.client().await;
        let headers = [("content-type", content_type), ("content-length", "10")];
        client.send(&(request("POST", "/body", &headers) + "{")).await;
        assert_eq!(client.answer().await.status, 408, "{content_type}");
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_and_not_while_it_is_used() {
    let server = TestServer::start(r#"{"backend":{"server":{"keepAliveTimeout":500}}}"#).await;
    let mut client = server.client().await;
    for _ in 0..3 {
        client.send(&request("GET", "/short", &[])).await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_silent_connection_is_closed_when_that_is_configured() {
    let server = TestServer::start(r#"{"backend":{"server":{"timeout":50}}}"#).await;
    let mut client = server.client().await;
    client.send(&request("GET", "/gated", &[])).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn requests_may_be_sent_ahead() {
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    client.send(&request("GET", "/short", &[]).repeat(3)).await;
    for _ in 0..3 {
        assert_eq!(client.answer().await.text(), r#"{"status":"ok"}"#);
    }
}

#[tokio::test]
async fn the_caller_or_a_configured_count_ends_the_connection() {
    let server = TestServer::start(r#"{"backend":{"server":{"maxRequestsPerSocket":2}}}"#).await;
    let mut client = server.client().await;
    client.send(&request("GET", "/short", &[]).repeat(2)).await;
    assert_eq!(client.answer().await.header("connection"), "keep-alive");
    assert_eq!(client.answer().await.header("connection"), "close");
    assert!(client.is_closed().await);
    let mut client = server.client().await;
    client
        .send(&request("GET", "/short", &[("connection", "close")]))
        .await;
    assert_eq!(client.answer().await.header("connection"), "close");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn http_1_0_works_without_a_host() {
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    client.send("GET /short HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_connection_can_switch_to_another_protocol() {
    let server = TestServer::start(r#"{"backend":{"server":{"keepAliveTimeout":50}}}"#).await;
    let mut client = server.client().await;
    client
        .send(&request(
            "GET",
            "/upgrading",
            &[("connection", "Upgrade"), ("upgrade", "echo")],
        ))
        .await;
    let answer = client.head().await;
    assert_eq!(
        (
            answer.status,
            answer.header("connection"),
            answer.header("upgrade")
        ),
        (101, "upgrade", "echo")
    );
    for words in ["first words", "more words"] {
        client.send(words).await;
        assert_eq!(client.bytes(words.len()).await, words.as_bytes());
    }
}

#[tokio::test]
async fn a_client_that_asks_to_keep_the_connection_learns_for_how_long() {
    let server = TestServer::start("{}").await;
    let answer = server.ask("GET", "/short", &[("connection", "Keep-Alive")]).await;
    assert_eq!(
        (answer.header("connection"), answer.header("keep-alive")),
        ("keep-alive", "timeout=5")
    );
}

//! Requests nobody should send: refused, and the server lives on.

use super::support::{TestServer, request};

#[tokio::test]
async fn a_head_that_never_ends_is_a_431() {
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    let endless = "a".repeat(10_000_000);
    client
        .send(&format!("GET /short HTTP/1.1\r\nhost: test\r\nx-big: {endless}"))
        .await;
    assert_eq!(client.head().await.status, 431);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let server = TestServer::start(r#"{"backend":{"server":{"maxHeadersCount":10}}}"#).await;
    let headers = [("x-a", "1"); 10];
    assert_eq!(server.ask("GET", "/short", &headers[..9]).await.status, 200);
    assert_eq!(server.ask("GET", "/short", &headers).await.status, 431);
}

#[tokio::test]
async fn framing_that_two_servers_could_read_differently_is_refused_wherever_it_stands() {
    let server = TestServer::start("{}").await;
    let plain = "GET /short HTTP/1.1\r\nhost: test\r\n\r\n";
    let both = "POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let body = format!(
        "POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{both}",
        both.len()
    );
    for (before, count) in [("", 0), (plain, 1), (body.as_str(), 1)] {
        let mut client = server.client().await;
        client.send(&format!("{before}{both}{plain}")).await;
        for _ in 0..count {
            assert_eq!(client.answer().await.status, 200, "{before}");
        }
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (400, "close"));
        assert!(answer.text().contains("not both"), "{}", answer.text());
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn nonsense_is_a_400_and_the_connection_is_closed() {
    let server = TestServer::start("{}").await;
    for nonsense in [
        "NOT HTTP AT ALL\r\n\r\n",
        "GET /short HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST /body HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: -1\r\n\r\n",
        "GET /short HTTP/1.1\r\nhost : test\r\n\r\n",
        "GET /short HTTP/1.1\r\nhost: test\r\nx: a\0b\r\n\r\n",
        "GET /short HTTP/1.1\r\n\r\n",
        "GET /short HTTP/1.1\r\nhost: one\r\nhost: two\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
    ] {
        let mut client = server.client().await;
        client.send(nonsense).await;
        assert_eq!(client.answer().await.status, 400, "{nonsense:?}");
        assert!(client.is_closed().await, "{nonsense:?}");
    }
    assert_eq!(server.ask("GET", "/short", &[]).await.status, 200);
}

#[tokio::test]
async fn a_body_is_judged_only_when_it_is_called_json() {
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    let json = ("content-type", "application/json");
    for (headers, body, status) in [
        (vec![json], r#"{"a":1}"#, 200),
        (vec![json], r#"{"a":"#, 400),
        (vec![json], "3", 400),
        (vec![("content-type", "text/plain")], r#"{"a":"#, 200),
        (vec![json, ("content-encoding", "zzz")], "{}", 415),
    ] {
        let length = body.len().to_string();
        let headers = [headers, vec![("content-length", length.as_str())]].concat();
        client.send(&(request("POST", "/body", &headers) + body)).await;
        assert_eq!(client.answer().await.status, status, "{body}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_before_it_is_sent() {
    let server = TestServer::start("{}").await;
    let headers = [("content-type", "application/json"), ("content-length", "102408")];
    assert_eq!(server.ask("POST", "/body", &headers).await.status, 413);
}

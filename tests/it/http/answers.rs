//! What every answer carries: security headers, tags, encodings, and no body where none belongs.

use std::io::Read as _;

use super::support::{TestServer, long_text};

#[tokio::test]
async fn every_answer_has_the_security_headers_and_says_how_long_the_connection_is_kept() {
    let server = TestServer::start("{}").await;
    for path in ["/short", "/nowhere", "/bad"] {
        let answer = server.ask("GET", path, &[]).await;
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=15552000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("x-dns-prefetch-control", "off"),
            ("x-download-options", "noopen"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-xss-protection", "0"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'self';base-uri")
        );
        assert!(!answer.headers.contains_key("x-powered-by"));
    }
}

#[tokio::test]
async fn a_head_answer_has_the_length_and_no_body() {
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    for path in ["/short", "/prepared", "/long"] {
        let full = server.ask("GET", path, &[]).await;
        client
            .send(&super::support::request(
                "HEAD",
                path,
                &[("accept-encoding", "gzip")],
            ))
            .await;
        let head = client.head().await;
        assert_eq!(head.status, 200);
        assert_eq!(
            head.header("content-length"),
            full.body.len().to_string(),
            "{path}"
        );
        assert!(!head.headers.contains_key("content-encoding"));
    }
}

#[tokio::test]
async fn a_caller_that_has_the_body_gets_a_304() {
    let server = TestServer::start("{}").await;
    for path in ["/short", "/prepared", "/long"] {
        let tag = server.ask("GET", path, &[]).await.header("etag").to_owned();
        let answer = server
            .ask("GET", path, &[("if-none-match", &tag), ("accept-encoding", "br")])
            .await;
        assert_eq!(
            (answer.status, answer.header("etag")),
            (304, tag.as_str()),
            "{path}"
        );
        for absent in ["content-type", "content-length", "content-encoding", "vary"] {
            assert!(!answer.headers.contains_key(absent), "{path} {absent}");
        }
        assert!(answer.headers.contains_key("x-frame-options"));
        let reload = [("if-none-match", tag.as_str()), ("cache-control", "no-cache")];
        assert_eq!(server.ask("GET", path, &reload).await.status, 200);
    }
}

#[tokio::test]
async fn long_answers_are_compressed_as_the_caller_likes_best() {
    let server = TestServer::start("{}").await;
    let expected = format!("\"{}\"", long_text());
    for path in ["/long", "/prepared"] {
        for (accept, encoding) in [
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("identity", ""),
            ("br;q=0", ""),
        ] {
            let answer = server.ask("GET", path, &[("accept-encoding", accept)]).await;
            assert_eq!(answer.header("content-encoding"), encoding, "{path} {accept}");
            assert_eq!(answer.header("vary"), "Accept-Encoding");
            assert_eq!(unpacked(encoding, &answer.body), expected, "{path} {accept}");
        }
    }
    let short = server.ask("GET", "/short", &[("accept-encoding", "br")]).await;
    assert_eq!(
        (short.header("content-encoding"), short.header("vary")),
        ("", "Accept-Encoding")
    );
}

fn unpacked(encoding: &str, body: &[u8]) -> String {
    let mut text = String::new();
    match encoding {
        "br" => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
        "gzip" => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
        _ => (&mut &body[..]).read_to_string(&mut text),
    }
    .unwrap();
    text
}

#[tokio::test]
async fn a_panic_is_a_500_in_json_and_the_connection_lives_on() {
    let server = TestServer::start(r#"{"app":{"baseUrl":"http://portal.test"}}"#).await;
    let mut client = server.client().await;
    for _ in 0..2 {
        client
            .send(&super::support::request(
                "GET",
                "/panicking",
                &[("origin", "http://portal.test")],
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 500);
        assert_eq!(
            answer.text(),
            r#"{"error":{"name":"Error","message":"An internal error occurred"},"response":{"statusCode":500}}"#
        );
        assert_eq!(answer.header("access-control-allow-origin"), "http://portal.test");
    }
}

//! What reaches the backend and what comes back.

use axum::{body::Body, response::Response};
use http::{HeaderMap, StatusCode};

use super::portal::{Portal, read};
use crate::support::{app::client, binary::Binary};

#[tokio::test]
async fn a_request_and_its_answer_pass_unchanged() {
    let portal = Portal::start(|request| async move {
        let body = axum::body::to_bytes(request.into_body(), usize::MAX)
            .await
            .unwrap();
        Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("cache-control", "no-store")
            .body(Body::from(body))
            .unwrap()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let asking = app.client.patch(app.url("/api/catalog/a%2Fb;c?x=%20&y=1&y=2"));
    let answer = asking
        .header("authorization", "Bearer theirs")
        .header("cookie", "session=1")
        .header("origin", "https://elsewhere.test")
        .header("accept-encoding", "gzip")
        .body("hello")
        .send()
        .await
        .unwrap();
    let headers = answer.headers().clone();
    assert_eq!(read(answer).await, (StatusCode::IM_A_TEAPOT, "hello".to_owned()));
    assert_eq!(headers.get_all("date").iter().count(), 1);
    assert_eq!(
        told(&headers, &["date"]),
        [
            ("cache-control", "no-store"),
            // The connection between the caller and us is our own.
            ("connection", "keep-alive"),
            ("content-length", "5"),
            ("keep-alive", "timeout=5"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]
    );
    let asked = &portal.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("PATCH", "/api/catalog/a%2Fb;c?x=%20&y=1&y=2")
    );
    let ours = app.base.replace("http://", "");
    assert_eq!(
        told(&asked.headers, &["x-forwarded-stagedoor"]),
        [
            ("accept", "*/*"),
            ("accept-encoding", "gzip"),
            ("authorization", "Bearer theirs"),
            ("content-length", "5"),
            ("cookie", "session=1"),
            ("host", &ours),
            ("origin", "https://elsewhere.test"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", &ours),
            ("x-forwarded-proto", "http"),
        ]
    );
    assert_eq!(asked.headers["x-forwarded-stagedoor"].len(), 32);
}

/// Every header but those of these names, sorted.
fn told<'a>(headers: &'a HeaderMap, besides: &[&str]) -> Vec<(&'a str, &'a str)> {
    let mut told: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| !besides.contains(name))
        .collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn where_a_request_came_from_is_said_by_us_unless_a_trusted_proxy_says_it() {
    let portal = Portal::plain().await;
    for (trust, wanted) in [
        ("", ("127.0.0.1", None)),
        (
            "  trustProxy: loopback\n",
            ("203.0.113.9, 127.0.0.1", Some("https")),
        ),
    ] {
        let app = portal.behind_stagedoor(trust).await;
        let asking = app
            .client
            .get(app.url("/catalog"))
            .header("x-forwarded-for", "203.0.113.9");
        let asking = asking
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-user", "root");
        asking.send().await.unwrap();
        let headers = portal.asked().pop().unwrap().headers;
        assert_eq!(headers["x-forwarded-for"], wanted.0, "{trust}");
        assert_eq!(
            headers["x-forwarded-proto"],
            wanted.1.unwrap_or("http"),
            "{trust}"
        );
        assert_eq!(
            headers.contains_key("x-forwarded-user"),
            wanted.1.is_some(),
            "{trust}"
        );
    }
}

#[tokio::test]
async fn nothing_a_stranger_says_about_where_he_comes_from_is_passed_on() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    let mut asking = app.client.get(app.url("/catalog"));
    for name in [
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-stagedoor",
    ] {
        asking = asking.header(name, "evil.test").header(name, "evil.test");
    }
    asking.send().await.unwrap();
    let headers = portal.asked().pop().unwrap().headers;
    let ours = app.base.replace("http://", "");
    let mark = headers["x-forwarded-stagedoor"].to_str().unwrap();
    assert_eq!(mark.len(), 32, "it is ours alone: {mark}");
    let mut told = told(&headers, &["x-forwarded-stagedoor"]);
    told.retain(|(name, _)| name.contains("forwarded"));
    let wanted = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", &ours),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn an_answer_without_a_body_keeps_the_length_it_would_have_had() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    let answer = app.client.head(app.url("/catalog")).send().await.unwrap();
    assert_eq!(answer.headers()["content-length"], "6");
    assert_eq!(read(answer).await, (StatusCode::OK, String::new()));
}

#[tokio::test]
async fn connections_to_the_portal_are_used_again() {
    let portal = Portal::plain().await;
    let app = portal.behind_stagedoor("").await;
    for _ in 0..50 {
        read(app.client.get(app.url("/catalog")).send().await.unwrap()).await;
    }
    assert_eq!((portal.asked().len(), portal.connections()), (50, 1));
}

#[tokio::test]
async fn the_log_line_of_what_is_passed_on_has_no_query_and_no_cookie() {
    let portal = Portal::plain().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-config.yaml"), portal.app_config("")).unwrap();
    let binary = Binary::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &[]);
    let asking = client().get(format!("{}/api/auth/callback?code=canary-1", binary.base()));
    let asking = asking
        .header("cookie", "session=canary-2")
        .header("referer", "https://portal.test/x?token=canary-3")
        .header("sec-websocket-protocol", "canary-4");
    asking.send().await.unwrap();
    let (_, printed) = tokio::task::spawn_blocking(|| binary.terminated()).await.unwrap();
    assert!(printed.contains("GET /api/auth/callback HTTP/1.1"), "{printed}");
    assert!(!printed.contains("canary"), "{printed}");
}

//! `backend.rateLimit` as a caller sees it.

use super::support::TestServer;

const LIMITED: &str = r#"{"backend":{"trustProxy":true,"rateLimit":{"incomingRequestLimit":2},
    "cors":{"origin":"http://localhost:3000"}}}"#;

#[tokio::test]
async fn one_request_too_many_is_a_429_that_says_when_to_come_back() {
    let server = TestServer::start(LIMITED).await;
    let caller = [
        ("x-forwarded-for", "203.0.113.7"),
        ("origin", "http://localhost:3000"),
    ];
    for left in ["1", "0"] {
        let answer = server.ask("GET", "/short", &caller).await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-remaining")),
            (200, left)
        );
        assert_eq!(answer.header("x-ratelimit-limit"), "2");
        assert!(answer.header("x-ratelimit-reset").parse::<u64>().unwrap() > 1_700_000_000);
    }
    let refused = server.ask("GET", "/short", &caller).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.text(),
        r#"{"error":{"name":"Error","message":"Too many requests, please try again later"},"response":{"statusCode":429}}"#
    );
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(
        refused.header("access-control-allow-origin"),
        "http://localhost:3000"
    );
    assert_eq!(refused.header("content-type"), "application/json; charset=utf-8");
    let other = server
        .ask("GET", "/short", &[("x-forwarded-for", "203.0.113.8")])
        .await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn the_machine_itself_is_not_limited() {
    let server = TestServer::start(LIMITED).await;
    for _ in 0..4 {
        let answer = server.ask("GET", "/short", &[]).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, ""));
    }
}

//! The one line of each request, through the real logging.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use stagedoor::telemetry::{self, LogEnvironment};
use tracing::subscriber::DefaultGuard;

use super::support::{TestServer, config, request};

#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// The request lines so far.
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["type"] == "incomingRequest").collect()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything on this thread, and these tests have one thread each, logs to memory.
fn captured() -> (Written, DefaultGuard) {
    captured_at(None)
}

fn captured_at(level: Option<&str>) -> (Written, DefaultGuard) {
    crate::support::log::hear_everything();
    let written = Written::default();
    let sink = written.clone();
    let environment = LogEnvironment {
        node_env: Some("production".to_owned()),
        log_level: level.map(str::to_owned),
        ..LogEnvironment::default()
    };
    let (dispatch, _) = telemetry::build(&config("{}"), environment, false, move || sink.clone()).unwrap();
    (written, tracing::dispatcher::set_default(&dispatch))
}

#[tokio::test]
async fn a_request_is_one_line_with_backstages_message_and_fields() {
    let (written, _captured) = captured();
    let server = TestServer::start("{}").await;
    let headers = [
        ("user-agent", "curl/8.0"),
        ("referer", "http://portal.test/x"),
        ("authorization", "Bearer hush"),
    ];
    server.ask("GET", "/short?a=1", &headers).await;
    let lines = written.lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let date = line["date"].as_str().unwrap();
    assert_eq!(
        line["message"],
        format!("[{date}] \"GET /short?a=1 HTTP/1.1\" 200 15 \"http://portal.test/x\" \"curl/8.0\"")
    );
    for (name, value) in [
        ("level", "info"),
        ("service", "rootHttpRouter"),
        ("method", "GET"),
        ("url", "/short?a=1"),
        ("httpVersion", "1.1"),
        ("userAgent", "curl/8.0"),
        ("referrer", "http://portal.test/x"),
    ] {
        assert_eq!(line[name], value);
    }
    assert_eq!(
        (&line["status"], &line["contentLength"]),
        (&200.into(), &15.into())
    );
    assert!(!line.to_string().contains("hush"));
}

#[tokio::test]
async fn refusals_preflights_and_unknown_paths_are_logged_too() {
    let (written, _captured) = captured();
    let server = TestServer::start(r#"{"app":{"baseUrl":"http://portal.test"}}"#).await;
    server.ask("GET", "/nowhere", &[]).await;
    server
        .ask("OPTIONS", "/short", &[("origin", "http://portal.test")])
        .await;
    server.ask("HEAD", "/short", &[]).await;
    let seen: Vec<_> = written
        .lines()
        .iter()
        .map(|line| line["status"].as_u64().unwrap())
        .collect();
    assert_eq!(seen, [404, 204, 200]);
    let message = written.lines()[0]["message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with("\"GET /nowhere HTTP/1.1\" 404 0 \"-\" \"-\""),
        "{message}"
    );
}

#[tokio::test]
async fn the_cause_of_a_failure_is_in_the_line_and_nowhere_else() {
    let (written, _captured) = captured();
    let server = TestServer::start("{}").await;
    let answer = server.ask("GET", "/failing", &[]).await;
    assert!(answer.body.is_empty());
    server.ask("GET", "/panicking", &[]).await;
    server.ask("GET", "/unexplained", &[]).await;
    let lines = written.lines();
    assert_eq!(lines[2]["error"], "no cause was told");
    assert_eq!(lines[0]["error"], "upstream: connection refused");
    assert_eq!(lines[1]["error"], "panicked: the handler's own words");
    assert!(
        lines
            .iter()
            .all(|line| line["requestId"].as_str().unwrap().contains('-'))
    );
}

#[tokio::test]
async fn a_caller_cannot_forge_a_line() {
    let (written, _captured) = captured();
    let server = TestServer::start("{}").await;
    server
        .ask("GET", "/short?%0a%22", &[("user-agent", "a\" 200 \"b\tc")])
        .await;
    let lines = written.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["userAgent"], "a%22 200 %22b%09c");
}

#[tokio::test]
async fn a_caller_that_goes_away_is_logged_as_that() {
    let (written, _captured) = captured();
    let mut server = TestServer::start("{}").await;
    let mut client = server.client().await;
    client.send(&request("GET", "/gated", &[])).await;
    server.gate.entered.notified().await;
    drop(client);
    server.stop();
    server.drained().await;
    assert_eq!(written.lines()[0]["status"], 499);
}

#[tokio::test]
async fn a_failure_is_logged_even_when_only_warnings_and_errors_are() {
    for level in ["warn", "error"] {
        let (written, _captured) = captured_at(Some(level));
        let server = TestServer::start("{}").await;
        server.ask("GET", "/short", &[]).await;
        server.ask("GET", "/failing", &[]).await;
        let lines = written.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(
            (&lines[0]["status"], &lines[0]["level"]),
            (&502.into(), &"error".into())
        );
    }
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused_and_logged_like_every_other() {
    let (written, _captured) = captured();
    let server = TestServer::start("{}").await;
    let mut client = server.client().await;
    client
        .send("GET /short HTTP/1.1\r\nhost: one\r\nhost: two\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (400, "close"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(client.is_closed().await);
    assert_eq!(written.lines()[0]["status"], 400);
}

//! Writes whose caller hangs up: they are followed to their end, and that is what is told of them.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, sleep},
};

use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    kubernetes_fake::{FakeKubernetes, OBJECT, Reply},
    log::Remembered,
    spacelift::{FakeSpacelift, triggered},
};

/// Waits until this is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not come");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Sends a request on a connection of its own.
async fn send(app: &TestApp, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.base.replace("http://", "")).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {STATIC_TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Closes the connection, and returns once Stagedoor knows that nobody waits any more.
async fn hang_up(stream: TcpStream, log: &Remembered) {
    drop(stream);
    let gone = "the caller went away before there was an answer";
    until(gone, || log.text().contains(gone)).await;
}

/// How each event with this id ended, or that it began.
fn statuses(log: &str, event: &str) -> Vec<String> {
    let id = format!("eventId=\"{event}\"");
    let events = log.lines().filter(|line| line.contains(&id));
    let status = |line: &str| {
        line.split("status=\"")
            .nth(1)?
            .split('"')
            .next()
            .map(str::to_owned)
    };
    events.filter_map(status).collect()
}

#[tokio::test]
async fn a_deletion_whose_caller_hangs_up_is_told_as_what_became_of_it() {
    let (log, _listening) = Remembered::listen();
    let (fake, gate) = (FakeKubernetes::start().await, Arc::new(Semaphore::new(0)));
    let success = Reply::Json(200, json!({ "kind": "Status", "status": "Success" }));
    fake.plant(
        "DELETE",
        OBJECT,
        &[Reply::Held(Arc::clone(&gate), Box::new(success))],
    );
    let app = TestApp::start(&fake.app_config("account", "{ timeout: 20s }")).await;
    let body =
        json!({ "name": "mine", "kind": "Database", "apiVersion": FakeKubernetes::kind().api_version() });
    let stream = send(&app, "/api/ske/delete-resource", &body.to_string()).await;
    until("the deletion", || fake.count("DELETE", OBJECT) == 1).await;
    hang_up(stream, &log).await;
    gate.add_permits(1);
    // The end of the service waits for it.
    app.stop().await.unwrap();
    let log = log.text();
    assert_eq!(
        statuses(&log, "resource-mutate"),
        ["initiated", "succeeded"],
        "{log}"
    );
    assert!(log.contains("Deleted Database default/mine"), "{log}");
}

#[tokio::test]
async fn a_trigger_whose_caller_hangs_up_is_told_as_what_became_of_it() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeSpacelift::start().await;
    let (go, held) = triggered("run-1").held();
    fake.expect_login().expect("TriggerRun", held);
    let app = TestApp::start(&fake.app_config("timeout: 20s")).await;
    let stream = send(&app, "/api/spacelift-io/stacks/a/trigger", "").await;
    fake.received(2).await;
    hang_up(stream, &log).await;
    go.send(()).unwrap();
    app.stop().await.unwrap();
    let log = log.text();
    assert_eq!(statuses(&log, "run-mutate"), ["initiated", "succeeded"], "{log}");
    assert!(log.contains("Triggered run run-1 on stack a"), "{log}");
}

//! The end: running requests finish, idle connections do not hold anybody up, and there is a limit.

use std::time::Duration;

use stagedoor::infra::http_server::Drained;
use tokio::net::TcpStream;

use super::support::{TestServer, request};

#[tokio::test]
async fn a_running_request_finishes_and_idle_connections_are_dropped() {
    let mut server = TestServer::start("{}").await;
    let (mut busy, mut idle, mut fresh) = (
        server.client().await,
        server.client().await,
        server.client().await,
    );
    idle.send(&request("GET", "/short", &[])).await;
    assert_eq!(idle.answer().await.status, 200);
    busy.send(&request("GET", "/gated", &[])).await;
    server.gate.entered.notified().await;
    server.stop();
    assert!(idle.is_closed().await);
    assert!(fresh.is_closed().await);
    assert!(TcpStream::connect(server.address).await.is_err());
    server.gate.open.notify_one();
    let answer = busy.answer().await;
    assert_eq!(
        (answer.text(), answer.header("connection")),
        ("through the gate", "close")
    );
    assert_eq!(server.drained().await, Drained { abandoned: 0 });
}

#[tokio::test]
async fn a_request_that_does_not_finish_in_time_is_cut() {
    let mut server = TestServer::start_with("{}", |settings| {
        settings.with_drain_limit(Duration::from_millis(50))
    })
    .await;
    let mut busy = server.client().await;
    busy.send(&request("GET", "/gated", &[])).await;
    server.gate.entered.notified().await;
    server.stop();
    assert!(busy.is_closed().await);
    assert_eq!(server.drained().await, Drained { abandoned: 1 });
}

#[tokio::test]
async fn without_connections_the_end_comes_at_once() {
    let mut server = TestServer::start("{}").await;
    server.stop();
    assert_eq!(server.drained().await, Drained { abandoned: 0 });
}

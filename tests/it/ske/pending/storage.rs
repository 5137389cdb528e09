//! A database that is away, and one that is back.

use super::desk::{Desk, FEED, request};
use crate::support::postgres::Postgres;

#[tokio::test]
async fn storage_that_is_away_is_told_with_the_words_that_the_resource_was_submitted() {
    let server = Postgres::own();
    let desk = Desk::on(&server).await;
    desk.run(&request("Request", "orders")).await.output();
    server.stop();
    let (status, name, message) = desk.run(&request("Request", "bills")).await.refused();
    assert_eq!((status, name.as_str()), (503, "ServiceUnavailableError"));
    for part in ["was submitted", "submitted again", "backend.database.connection"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains(crate::support::postgres::PASSWORD), "{message}");
    assert_eq!(
        desk.feed(FEED).await.status(),
        503,
        "the catalog keeps what it has"
    );
    server.resume();
    desk.run(&request("Request", "bills")).await.output();
    assert_eq!(desk.recorded().await.len(), 2);
}

#[tokio::test]
async fn storage_that_is_away_for_a_moment_is_not_noticed() {
    let server = Postgres::own();
    let desk = Desk::on(&server).await;
    desk.run(&request("Request", "orders")).await.output();
    server.stop();
    let bills = request("Request", "bills");
    let record = desk.run(&bills);
    let back = tokio::task::spawn_blocking(move || {
        server.resume();
        server
    });
    let (recorded, _server) = tokio::join!(record, back);
    recorded.output();
    assert_eq!(desk.recorded().await.len(), 2);
}

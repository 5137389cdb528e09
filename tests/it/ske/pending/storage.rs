//! A database that is away, and one that is back.

use tokio::time::timeout;

use super::desk::{Desk, FEED, REQUESTS, request};
use crate::support::{app::LIMIT, postgres::Postgres};

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
async fn while_storage_is_away_every_answer_comes_in_time_and_what_was_accepted_is_there_afterwards() {
    let server = Postgres::own();
    let desk = Desk::on(&server).await;
    for name in ["a", "b", "c"] {
        desk.run(&request("Request", name)).await.output();
    }
    server.stop();
    let token = desk.backstage.user("jane", serde_json::json!({}));
    for _ in 0..2 {
        let asked = desk.app.client.get(desk.app.url(REQUESTS)).bearer_auth(&token);
        let (listed, fed) = tokio::join!(timeout(LIMIT, asked.send()), timeout(LIMIT, desk.feed(FEED)),);
        let listed = listed.expect("an answer in time").unwrap();
        assert_eq!(
            (listed.status().as_u16(), fed.unwrap().status().as_u16()),
            (503, 503)
        );
        let text = listed.text().await.unwrap();
        assert!(text.contains("backend.database.connection"), "{text}");
    }
    let refused = timeout(LIMIT, desk.record(&request("Request", "d"))).await;
    assert_eq!(refused.expect("an answer in time").refused().0, 503);
    server.resume();
    let mut names: Vec<_> = desk
        .recorded()
        .await
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        desk.feed(FEED)
            .await
            .text()
            .await
            .unwrap()
            .matches("kind: Component")
            .count(),
        3
    );
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

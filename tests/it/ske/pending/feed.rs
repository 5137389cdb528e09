//! The address the catalog reads: without credentials, with a secret in its path.

use std::time::Duration;

use serde_json::{Value, json};
use sha1::Digest as _;

use super::desk::{Desk, FEED, FEED_SECRET, app_config, request, reviewed};
use crate::{
    ske::portal::Backstage,
    support::{app::client, backstage::Answer, binary::Binary},
};

/// Where the catalog is told to read something again.
const REFRESH: &str = "/api/catalog/refresh";

#[tokio::test]
async fn the_catalog_reads_the_requests_as_entities_without_credentials() {
    for desk in Desk::both().await {
        let empty = desk.feed(FEED).await;
        assert_eq!(empty.status(), 200);
        desk.run(&reviewed("Request", "orders", 1)).await.output();
        desk.run(&request("Delete", "bills")).await.output();
        let answer = desk.feed(FEED).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers()["content-type"],
            "application/yaml; charset=utf-8"
        );
        let text = answer.text().await.unwrap();
        assert!(!text.contains("canary"), "{text}");
        let documents: Vec<Value> = text
            .split("---\n")
            .skip(1)
            .map(|document| serde_saphyr::from_str(document).unwrap())
            .collect();
        assert_eq!(documents.len(), 2);
        assert!(documents.iter().all(|entity| entity["kind"] == "Component"));
    }
}

#[tokio::test]
async fn who_has_the_document_already_is_told_so() {
    for desk in Desk::both().await {
        desk.run(&request("Request", "orders")).await.output();
        let first = desk.feed(FEED).await;
        let tag = first.headers()["etag"].clone();
        let again = || {
            let request = desk.app.client.get(desk.app.url(FEED));
            request.header("if-none-match", tag.clone()).send()
        };
        let unchanged = again().await.unwrap();
        assert_eq!(unchanged.status(), 304);
        assert_eq!(unchanged.headers()["etag"], tag);
        desk.run(&request("Request", "bills")).await.output();
        let changed = again().await.unwrap();
        assert_eq!(changed.status(), 200);
        assert_ne!(changed.headers()["etag"], tag);
    }
}

#[tokio::test]
async fn without_the_secret_there_is_nothing() {
    let desk = Desk::open().await;
    for wrong in [
        "",
        "x",
        &FEED_SECRET[1..],
        &FEED_SECRET.to_uppercase(),
        &format!("{FEED_SECRET}0"),
        &format!("{FEED_SECRET}%00"),
        "%66%30%30dbabe0123456789abcdef0123456789abcdef01234567",
    ] {
        let path = format!("/api/ske/catalog/{wrong}/pending-requests.yaml");
        let answer = desk.feed(&path).await;
        assert_eq!(answer.status(), 404, "{path}");
        let repeated = answer.text().await.unwrap().contains(FEED_SECRET);
        assert!(!repeated || wrong.contains(FEED_SECRET), "{path}");
    }
    assert_eq!(desk.feed("/api/ske/catalog/x/other.yaml").await.status(), 404);
    assert_eq!(desk.feed("/api/ske/pending-requests").await.status(), 401);
}

#[tokio::test]
async fn without_a_configured_secret_there_is_no_such_address() {
    let desk = Desk::with(|config| config.replacen(&format!("feedSecret: {FEED_SECRET}"), "", 1)).await;
    assert_eq!(desk.feed(FEED).await.status(), 401);
    let known = desk.app.get(FEED).await;
    assert_eq!(known.status(), 404);
}

#[tokio::test]
async fn the_secret_is_in_no_line_of_the_log() {
    let (backstage, data) = (Backstage::start().await, tempfile::tempdir().unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("app-config.yaml"),
        app_config(&backstage, &data),
    )
    .unwrap();
    let binary = Binary::start(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0"],
        &[("LOG_LEVEL", "debug")],
    );
    let url = format!("{}{FEED}", binary.base());
    let answer = client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (_, printed) = tokio::task::spawn_blocking(|| binary.terminated()).await.unwrap();
    assert!(printed.contains("/api/ske/catalog/"), "{printed}");
    assert!(!printed.contains(FEED_SECRET), "{printed}");
}

#[tokio::test]
async fn the_catalog_is_told_to_read_again_when_a_request_came_or_its_state_changed() {
    let locations = format!(
        "catalog:\n  locations:\n    - {{ type: url, target: 'https://stagedoor.example.com{FEED}' }}\n    - {{ type: url, \
         target: 'https://github.com/O/R/blob/main/catalog-info.yaml' }}\n"
    );
    let desk = Desk::with(|config| format!("{config}{locations}")).await;
    let fake = &desk.backstage.fake;
    fake.serve(REFRESH, Answer::Document(json!({})));
    assert_eq!(fake.fetches(REFRESH), 0, "nothing has changed yet");
    desk.run(&request("Request", "orders")).await.output();
    until(|| fake.fetches(REFRESH) == 1).await;
    let digest = sha1::Sha1::digest(format!("url:https://stagedoor.example.com{FEED}"));
    let entity = format!("location:default/generated-{}", hex::encode(digest));
    let sent: Value = serde_json::from_str(&fake.body(REFRESH).unwrap()).unwrap();
    assert_eq!(sent, json!({ "entityRef": entity }));
    assert!(fake.credentials(REFRESH).unwrap().starts_with("Bearer "));
    // A catalog that refuses keeps nobody from recording, and is told again the next time.
    fake.serve(REFRESH, Answer::Status(503));
    desk.run(&request("Request", "bills")).await.output();
    until(|| fake.fetches(REFRESH) == 2).await;
    assert_eq!(desk.recorded().await.len(), 2);
}

#[tokio::test]
async fn a_catalog_that_does_not_answer_holds_up_no_request_and_is_told_again() {
    let locations = format!(
        "catalog:\n  locations:\n    - {{ type: url, target: 'https://stagedoor.example.com{FEED}' }}\n"
    );
    let desk = Desk::with(|config| format!("{config}{locations}")).await;
    let fake = &desk.backstage.fake;
    fake.serve(REFRESH, Answer::Hang);
    desk.run(&request("Request", "orders")).await.output();
    until(|| fake.fetches(REFRESH) == 1).await;
    desk.run(&request("Request", "bills")).await.output();
    assert_eq!((desk.recorded().await.len(), fake.fetches(REFRESH)), (2, 1));
    fake.serve(REFRESH, Answer::Document(json!({})));
    until(|| fake.fetches(REFRESH) == 2).await;
}

/// Waits for what no answer announces.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it never came");
}

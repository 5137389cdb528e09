//! The document the catalog reads.

use std::time::Duration;

use serde_json::Value;

use super::{
    feed::Feed,
    testing::{Desk, fill, input, reviewed},
};
use crate::{
    config::{
        to_json,
        yaml::{Room, parse_documents},
    },
    infra::database::on_pool,
};

fn text(feed: &Feed) -> String {
    let bytes: Vec<u8> = feed.chunks().flat_map(|chunk| chunk.unwrap()).collect();
    assert_eq!(bytes.len() as u64, feed.length());
    String::from_utf8(bytes).unwrap()
}

/// The documents, without the empty ones, as the catalog reads them.
fn entities(feed: &Feed) -> Vec<Value> {
    let documents = parse_documents(
        text(feed).as_bytes(),
        Default::default(),
        &mut Room::of_operator(),
    )
    .unwrap();
    let documents = documents.iter().map(to_json);
    documents.filter(|document| !document.is_null()).collect()
}

#[tokio::test]
async fn without_requests_the_document_is_no_entity_and_makes_no_database() {
    for desk in Desk::both() {
        let feed = desk.pending.feed().await.unwrap();
        assert!(entities(&feed).is_empty());
        assert!(desk.test.database.existing().await.unwrap().is_none());
        desk.store().await;
        assert_eq!(desk.pending.feed().await.unwrap().tag(), feed.tag());
    }
}

#[tokio::test]
async fn the_tag_changes_when_and_only_when_the_text_does() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let one = desk.pending.feed().await.unwrap();
        desk.record(input("Request", "orders")).await;
        let same = desk.pending.feed().await.unwrap();
        assert_eq!((text(&one), one.tag()), (text(&same), same.tag()));
        desk.record(reviewed("Request", "orders", 1)).await;
        let reviewed = desk.pending.feed().await.unwrap();
        assert!(text(&reviewed) != text(&one) && reviewed.tag() != one.tag());
        desk.record(input("Delete", "bills")).await;
        let two = desk.pending.feed().await.unwrap();
        assert_ne!(two.tag(), reviewed.tag());
        assert_eq!(entities(&two).len(), 2);
        let bills = desk.recorded().await.remove(0);
        desk.store().await.withdraw(&bills).await.unwrap();
        let back = desk.pending.feed().await.unwrap();
        assert_eq!((text(&back), back.tag()), (text(&reviewed), reviewed.tag()));
    }
}

#[tokio::test]
async fn of_many_requests_only_what_lies_beside_a_changed_one_is_written_anew() {
    const MANY: usize = 200;
    for desk in Desk::both() {
        for number in 0..MANY {
            desk.record(input("Request", &format!("orders-{number}"))).await;
        }
        let first = desk.pending.feed().await.unwrap();
        assert_eq!(first.written, MANY);
        desk.record(reviewed("Request", "orders-7", 1)).await;
        let changed = desk.pending.feed().await.unwrap();
        let gone = desk.recorded().await.remove(0);
        assert!(desk.store().await.withdraw(&gone).await.unwrap());
        desk.record(input("Request", "other")).await;
        let moved = desk.pending.feed().await.unwrap();
        for (feed, changes) in [(&changed, 1), (&moved, 2)] {
            // Ids are drawn: some 200 of 256 beginnings, and hardly ever ten with the same.
            assert!((1..=changes * 10).contains(&feed.written), "{}", feed.written);
        }
        let anew = desk.replica().feed().await.unwrap();
        assert_eq!((anew.written, text(&anew)), (MANY, text(&moved)));
        assert_eq!(anew.tag(), moved.tag());
    }
}

#[tokio::test]
async fn every_replica_gives_the_same_document() {
    for desk in Desk::both() {
        for name in ["a", "b", "c"] {
            desk.record(input("Request", name)).await;
        }
        let (here, there) = (
            desk.pending.feed().await.unwrap(),
            desk.replica().feed().await.unwrap(),
        );
        assert_eq!((text(&here), here.tag()), (text(&there), there.tag()));
    }
}

#[tokio::test]
async fn a_manifest_is_in_no_entity() {
    for desk in Desk::both() {
        let mut secret = input("Request", "orders");
        secret["manifest"] = secret["manifest"]
            .as_str()
            .unwrap()
            .replace("small", "canary")
            .into();
        desk.record(secret).await;
        assert!(!text(&desk.pending.feed().await.unwrap()).contains("canary"));
    }
}

#[tokio::test]
async fn one_bad_record_never_spoils_the_document() {
    const SQL: &str = "update ske_pending_requests set name = $1, namespace = $1, resource_kind = $1, promise_name = $1, \
                       action = $1, requested_by = $1, pull_request_url = $1 where name = 'bad'";
    for bad in [
        "\u{1}\u{7f}\u{85}\u{2028}\u{feff}",
        "---\nkind: Location\n...\n",
        "",
        ": - {[",
        "\u{fffe}",
    ] {
        for desk in Desk::both() {
            desk.record(input("Request", "good")).await;
            desk.record(input("Request", "bad")).await;
            let store = desk.store().await;
            on_pool!(&store.0, |pool| sqlx::query(SQL)
                .bind(bad)
                .execute(pool)
                .await
                .map(drop))
            .unwrap();
            let entities = entities(&desk.pending.feed().await.unwrap());
            let names: Vec<_> = entities
                .iter()
                .map(|entity| entity["metadata"]["name"].as_str().unwrap())
                .collect();
            assert!(
                names.iter().any(|name| name.starts_with("good-pending-")),
                "{bad:?}: {names:?}"
            );
            assert!(
                entities.len() <= 2 && entities.iter().all(|entity| entity["kind"] == "Component"),
                "{bad:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_that_went_while_the_document_was_made_is_not_in_the_next_one() {
    const MANY: i64 = 2_000;
    for desk in Desk::both() {
        let store = desk.store().await;
        fill(&store, MANY, "").await;
        // How long the document takes depends on the machine, so it is tried until the request comes in time.
        let came = async |milliseconds: u64| {
            desk.record_at(input("Request", "other"), 1).await;
            let comes = async {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                desk.record_at(input("Request", "late"), 1).await
            };
            let (made, late) = tokio::join!(desk.pending.feed(), comes);
            assert!(store.withdraw(&late).await.unwrap());
            text(&made.unwrap()).contains("late-pending-")
        };
        let mut tries = 0;
        while !came(10 - tries % 10).await {
            tries += 1;
            assert!(tries < 200, "it never came in time");
        }
        assert!(!text(&desk.pending.feed().await.unwrap()).contains("late-pending-"));
    }
}

#[tokio::test]
async fn very_many_requests_stay_small_in_memory() {
    const MANY: i64 = 5_000;
    for desk in Desk::both() {
        fill(&desk.store().await, MANY, "").await;
        let feed = desk.pending.feed().await.unwrap();
        assert_eq!(entities(&feed).len() as i64, MANY);
        // A hundred thousand of them are twenty times as much.
        assert!(
            feed.held() < 512 * 1024 && feed.length() > 2_000_000,
            "{} of {}",
            feed.held(),
            feed.length()
        );
    }
}

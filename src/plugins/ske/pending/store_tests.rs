//! The table, with a file and with PostgreSQL.

use serde_json::json;

use super::{
    input::NewRequest,
    list::Filter,
    request::{Action, Review},
    store::{FINGERPRINT, MOST_RECORDS, PARTS},
    testing::{Desk, fill, input, reviewed},
};
use crate::infra::database::{Pool, on_pool};

#[tokio::test]
async fn recording_again_replaces_what_was_recorded_and_keeps_its_identity() {
    for desk in Desk::both() {
        let first = desk.record_at(input("Request", "orders"), 100).await;
        let again = desk.record_at(reviewed("Update", "orders", 7), 200).await;
        assert_eq!(
            (again.id.as_str(), again.created_at, again.updated_at),
            (first.id.as_str(), 100, 200)
        );
        assert_eq!((again.action, again.review), (Action::Update, Review::Open));
        assert_eq!(again.repository.as_deref(), Some("github.com?owner=O&repo=R"));
        assert_eq!(desk.recorded().await, [again]);
    }
}

#[tokio::test]
async fn recording_again_replaces_the_manifest_too() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let mut larger = input("Request", "orders");
        larger["manifest"] = larger["manifest"]
            .as_str()
            .unwrap()
            .replace("small", "large")
            .into();
        let larger = serde_json::from_value(larger).unwrap();
        let larger = NewRequest::of(larger, &Default::default()).unwrap();
        let store = desk.store().await;
        let jane = store.record(&larger, Some("user:default/jane"), 300).await;
        assert_eq!(jane.unwrap().unwrap().updated_at, 300);
        let kept: String = on_pool!(&store.0, |pool| {
            sqlx::query_scalar("select manifest from ske_pending_requests")
                .fetch_one(pool)
                .await
        })
        .unwrap();
        assert!(kept.contains("large"), "{kept}");
    }
}

#[tokio::test]
async fn a_deletion_is_recorded_beside_a_request_and_other_names_beside_both() {
    for desk in Desk::both() {
        for (action, name) in [("Request", "orders"), ("Delete", "orders"), ("Request", "bills")] {
            desk.record(input(action, name)).await;
        }
        assert_eq!(desk.names().await, ["bills", "orders", "orders"]);
    }
}

#[tokio::test]
async fn the_same_request_recorded_by_many_at_once_is_one() {
    for desk in Desk::both() {
        desk.store().await;
        let many = (0..16).map(|_| desk.record(input("Request", "orders")));
        futures_util::future::join_all(many).await;
        assert_eq!(desk.names().await, ["orders"]);
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_read_page_by_page() {
    for desk in Desk::both() {
        for number in 0..5 {
            desk.record(input("Request", &format!("db-{number}"))).await;
        }
        let store = desk.store().await;
        let (mut after, mut names) = (String::new(), Vec::new());
        loop {
            let page = store.list(&Filter::default(), &after, 2).await.unwrap();
            let Some(last) = page.last() else {
                break;
            };
            after.clone_from(&last.id);
            names.extend(page.into_iter().map(|request| request.name));
        }
        names.sort();
        assert_eq!(names, ["db-0", "db-1", "db-2", "db-3", "db-4"]);
        let text = |text: &str| Some(text.to_owned());
        for (filter, found) in [
            (
                Filter {
                    name: text("db-3"),
                    ..Filter::default()
                },
                1,
            ),
            (
                Filter {
                    kind: text("Database"),
                    namespace: text("shop"),
                    ..Filter::default()
                },
                5,
            ),
            (
                Filter {
                    promise: text("other"),
                    ..Filter::default()
                },
                0,
            ),
            (
                Filter {
                    promise: text("databases"),
                    name: text("' or 1=1 --"),
                    ..Filter::default()
                },
                0,
            ),
        ] {
            assert_eq!(
                store.list(&filter, "", 10).await.unwrap().len(),
                found,
                "{filter:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_was_recorded_anew_meanwhile_is_neither_withdrawn_nor_called_merged() {
    for desk in Desk::both() {
        let before = desk.record_at(reviewed("Request", "orders", 1), 100).await;
        let anew = desk.record_at(reviewed("Request", "orders", 2), 200).await;
        let store = desk.store().await;
        assert!(!store.withdraw(&before).await.unwrap());
        assert!(!store.merged(&before, 300).await.unwrap());
        assert_eq!(desk.recorded().await, std::slice::from_ref(&anew));
        assert!(store.withdraw(&anew).await.unwrap());
        assert!(!store.withdraw(&anew).await.unwrap());
    }
}

#[tokio::test]
async fn only_what_readers_can_see_changes_the_fingerprint() {
    for desk in Desk::both() {
        let request = desk.record_at(reviewed("Request", "orders", 1), 100).await;
        let store = desk.store().await;
        let before = store.fingerprint().await.unwrap();
        store.looked(&request.id, 500).await.unwrap();
        store.reviewed(&request.id, 500).await.unwrap();
        store.seen(&request.id, 500).await.unwrap();
        assert_eq!(store.fingerprint().await.unwrap(), before);
        store.merged(&request, 500).await.unwrap();
        assert_ne!(store.fingerprint().await.unwrap(), before);
    }
}

/// How either kind of database goes about a query.
async fn plan(pool: &Pool, query: &str) -> String {
    let (explain, column) = match pool {
        Pool::Sqlite(_) => ("explain query plan", 3),
        Pool::Postgres(_) => ("explain", 0),
    };
    let sql = format!("{explain} {query}");
    let steps: Vec<String> = on_pool!(pool, |pool| {
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await;
        rows.map(|rows| {
            rows.iter()
                .map(|row| sqlx::Row::get::<String, _>(row, column))
                .collect()
        })
    })
    .unwrap();
    steps.join("; ")
}

#[tokio::test]
async fn fingerprints_are_read_from_an_index_alone() {
    for desk in Desk::both() {
        let store = desk.store().await;
        let manifest = "spec: { size: small }\n".repeat(50);
        fill(&store, 5_000, &manifest).await;
        if let Pool::Postgres(pool) = &store.0 {
            // As the server does by itself after so many changes.
            sqlx::raw_sql("vacuum analyze ske_pending_requests")
                .execute(pool)
                .await
                .unwrap();
        }
        for (query, index) in [
            (FINGERPRINT, "ske_pending_requests_stamp"),
            (PARTS, "ske_pending_requests_part"),
        ] {
            let plan = plan(&store.0, query).await.to_lowercase();
            assert!(
                plan.contains(index) && (plan.contains("covering index") || plan.contains("index only scan")),
                "{plan}"
            );
        }
    }
}

#[tokio::test]
async fn a_next_page_is_named_only_where_there_is_one() {
    for desk in Desk::both() {
        for number in 0..4 {
            desk.record(input("Request", &format!("db-{number}"))).await;
        }
        let page = async |after: &str, limit| {
            let page = desk.pending.list(&Filter::default(), after, limit).await.unwrap();
            serde_json::to_value(page).unwrap()
        };
        let first = page("", 2).await;
        let last = page(first["next"].as_str().unwrap(), 2).await;
        assert_eq!(last["items"].as_array().unwrap().len(), 2);
        assert!(last.get("next").is_none(), "{last}");
        assert!(page("", 4).await.get("next").is_none());
    }
}

#[tokio::test]
async fn a_full_table_takes_no_more_but_still_replaces() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        fill(&desk.store().await, MOST_RECORDS - 1, "").await;
        let one_more = serde_json::from_value(input("Request", "bills")).unwrap();
        let refused = desk
            .pending
            .record(&super::testing::jane(), one_more)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("was submitted"), "{refused}");
        desk.record(input("Update", "orders")).await;
    }
}

#[tokio::test]
async fn a_manifest_that_is_an_object_is_recorded_as_well_and_the_manifest_wins_over_the_name() {
    for desk in Desk::both() {
        desk.record(json!({
            "promiseName": "databases", "name": "other", "namespace": "", "action": "Request",
            "pullRequestUrl": "", "requestsRepoUrl": "",
            "manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "\u{0}"}},
        }))
        .await;
        let [recorded] = <[_; 1]>::try_from(desk.recorded().await).unwrap();
        assert_eq!(
            (recorded.name.as_str(), recorded.namespace.as_str()),
            ("settings", "default")
        );
        assert_eq!((recorded.group.as_str(), recorded.version.as_str()), ("", "v1"));
        assert_eq!((recorded.pull_request_url, recorded.repository), (None, None));
    }
}

//! Whose a recorded request is, and which repositories are asked about.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::{
    lifecycle::Sight,
    lifecycle_tests::later,
    testing::{Desk, app_config, input, reviewed, reviewed_in, user},
};
use crate::{
    backstage::{
        auth::{Credentials, Principal, ServicePrincipal},
        integrations::{Looked, RepositoryAddress},
    },
    infra::clock::unix_seconds,
    plugins::ske::error::SkeError,
};

const DAY: i64 = 24 * 60 * 60;

fn robot() -> Credentials {
    let service = ServicePrincipal {
        subject: "external:robot".to_owned(),
        access_restrictions: None,
    };
    Credentials::new(Principal::Service(service), None, None)
}

async fn record(desk: &Desk, caller: &Credentials, input: Value) -> Result<(), SkeError> {
    let input = serde_json::from_value(input).unwrap();
    desk.pending.record(caller, input).await.map(drop)
}

#[tokio::test]
async fn another_callers_record_is_refused_and_changes_nothing() {
    for desk in Desk::both() {
        desk.record(reviewed("Request", "orders", 1)).await;
        let before = desk.recorded().await;
        for caller in [user("bob"), robot(), Credentials::none()] {
            for theirs in [
                input("Request", "orders"),
                input("Update", "orders"),
                reviewed("Request", "orders", 2),
                reviewed_in("O/other", "Request", "orders", 1),
            ] {
                let refused = record(&desk, &caller, theirs).await.unwrap_err();
                assert!(
                    matches!(&refused, SkeError::PendingForAnother { owner, .. } if owner == "user:default/jane"),
                    "{refused}"
                );
            }
        }
        assert_eq!(desk.recorded().await, before);
        record(&desk, &user("jane"), input("Update", "orders"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_same_pull_request_again_leaves_the_first_record() {
    for desk in Desk::both() {
        desk.record(reviewed("Update", "orders", 1)).await;
        let before = desk.recorded().await;
        let mut larger = reviewed("Update", "orders", 1);
        larger["manifest"] = json!(larger["manifest"].as_str().unwrap().replace("small", "large"));
        record(&desk, &user("bob"), larger).await.unwrap();
        assert_eq!(desk.recorded().await, before);
    }
}

#[tokio::test]
async fn a_deletion_by_another_caller_stands_beside_the_request() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        record(&desk, &user("bob"), input("Delete", "orders"))
            .await
            .unwrap();
        assert!(
            record(&desk, &user("jane"), input("Delete", "orders"))
                .await
                .is_err()
        );
        let mut owners: Vec<_> = desk
            .recorded()
            .await
            .into_iter()
            .map(|it| it.requested_by.unwrap())
            .collect();
        owners.sort();
        assert_eq!(owners, ["user:default/bob", "user:default/jane"]);
    }
}

#[tokio::test]
async fn what_has_had_its_time_makes_room_for_another_caller() {
    for desk in Desk::both() {
        let now = unix_seconds();
        let theirs = desk
            .record_at(input("Request", "orders"), now - 7 * DAY - 60)
            .await;
        desk.record_at(input("Request", "young"), now - 7 * DAY + 60)
            .await;
        desk.record_at(reviewed("Request", "open", 1), now - 8 * DAY)
            .await;
        record(&desk, &user("bob"), input("Request", "orders"))
            .await
            .unwrap();
        assert!(
            record(&desk, &user("bob"), input("Request", "young"))
                .await
                .is_err()
        );
        assert!(
            record(&desk, &user("bob"), input("Request", "open"))
                .await
                .is_err()
        );
        let orders = desk
            .recorded()
            .await
            .into_iter()
            .find(|it| it.name == "orders")
            .unwrap();
        assert_eq!(orders.requested_by.as_deref(), Some("user:default/bob"));
        assert_ne!(orders.id, theirs.id, "it is another entity");
    }
}

#[tokio::test]
async fn what_has_come_about_makes_room_for_another_caller() {
    for desk in Desk::both() {
        desk.record(input("Request", "orders")).await;
        let object = desk.recorded().await[0].object().unwrap();
        let sight = Sight::Present { caught_up: true };
        desk.pending.settle(&object, later(), &sight).await.unwrap();
        record(&desk, &user("bob"), input("Update", "orders"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn only_repositories_that_are_listed_are_asked_about() {
    for desk in Desk::both() {
        desk.record(reviewed("Request", "listed", 3)).await;
        desk.record(reviewed_in("O/private", "Request", "unlisted", 4))
            .await;
        desk.record(reviewed_in("O/other", "Request", "no-longer", 5))
            .await;
        let asked = Mutex::new(Vec::new());
        let mut narrowed = app_config();
        narrowed["stagedoor"]["ske"]["repositories"] =
            json!([{"host": "github.com", "owner": "o", "repo": "r"}]);
        let ask = |repository: RepositoryAddress, _: Vec<u64>| {
            asked.lock().unwrap().push(repository.to_string());
            std::future::ready(Looked::default())
        };
        desk.reload(&narrowed);
        desk.pending.sweep(ask).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), ["github.com/O/R"]);
        narrowed["stagedoor"]["ske"]["repositories"] = json!([]);
        desk.reload(&narrowed);
        desk.pending.sweep(ask).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 1, "an empty list opens nothing");
        assert_eq!(desk.names().await.len(), 3);
    }
}

//! Who records, who sees, and what of it.

use serde_json::json;

use super::desk::{Desk, REQUESTS, request, reviewed};
use crate::{
    ske::portal::{get, post},
    support::app::STATIC_TOKEN,
};

#[tokio::test]
async fn a_template_records_its_request_and_the_portal_shows_it() {
    for desk in Desk::both().await {
        desk.run(&reviewed("Request", "orders", 12)).await.output();
        let [item] = <[_; 1]>::try_from(desk.recorded().await).unwrap();
        let entity = item["entityRef"].as_str().unwrap();
        assert!(entity.starts_with("component:default/orders-pending-"), "{item}");
        for (field, value) in [
            ("promiseName", "database"),
            ("apiVersion", "example.org/v1"),
            ("kind", "Database"),
            ("namespace", "shop"),
            ("name", "orders"),
            ("action", "Request"),
            ("phase", "pending-review"),
            ("pullRequestUrl", "https://github.com/O/R/pull/12"),
            ("requestsRepoUrl", "github.com?owner=O&repo=R"),
            ("requestedBy", "user:default/jane"),
        ] {
            assert_eq!(item[field], value, "{field}");
        }
        assert!(
            !item.to_string().contains("canary"),
            "a manifest may hold a secret: {item}"
        );
    }
}

#[tokio::test]
async fn a_step_that_runs_again_records_once_and_the_newest_counts() {
    for desk in Desk::both().await {
        for _ in 0..3 {
            desk.run(&request("Request", "orders")).await.output();
        }
        desk.run(&reviewed("Update", "orders", 2)).await.output();
        desk.run(&request("Delete", "orders")).await.output();
        let mut phases: Vec<_> = desk
            .recorded()
            .await
            .iter()
            .map(|item| item["phase"].clone())
            .collect();
        phases.sort_by_key(ToString::to_string);
        assert_eq!(phases, ["pending-deletion", "pending-review"]);
    }
}

#[tokio::test]
async fn a_request_of_another_caller_is_left_as_it_is() {
    for desk in Desk::both().await {
        desk.run(&request("Request", "orders")).await.output();
        let before = desk.recorded().await;
        let bob = desk.backstage.on_behalf_of("bob", "scaffolder");
        for token in [&*bob, STATIC_TOKEN] {
            for theirs in [request("Update", "orders"), reviewed("Request", "orders", 2)] {
                let (status, message) = post(&desk.app, token, REQUESTS, &theirs).await.refused();
                assert!(
                    status == 409 && message.contains("user:default/jane"),
                    "{status} {message}"
                );
            }
        }
        assert_eq!(desk.recorded().await, before);
        post(&desk.app, &bob, REQUESTS, &request("Delete", "orders"))
            .await
            .ok();
        desk.run(&reviewed("Update", "orders", 2)).await.output();
    }
}

#[tokio::test]
async fn the_plain_route_does_the_same_and_tells_the_entity() {
    let desk = Desk::open().await;
    let recorded = desk.record(&request("Request", "orders")).await.ok();
    let [item] = <[_; 1]>::try_from(desk.recorded().await).unwrap();
    assert_eq!(recorded["entityRef"], item["entityRef"]);
    assert_eq!(
        (&item["phase"], &item["requestedBy"]),
        (&json!("submitted"), &json!("tests"))
    );
}

#[tokio::test]
async fn a_person_records_only_through_a_plugin_that_may_write() {
    let desk = Desk::open().await;
    let input = request("Request", "orders");
    for token in [
        desk.backstage.user("jane", json!({})),
        desk.backstage.on_behalf_of("jane", "mcp-actions"),
        desk.backstage.plugin("catalog"),
    ] {
        let (status, message) = post(&desk.app, &token, REQUESTS, &input).await.refused();
        assert!(
            status == 403 && message.contains("stagedoor.actions.writeCallers"),
            "{status} {message}"
        );
    }
    assert!(desk.recorded().await.is_empty());
    post(&desk.app, &desk.template(), REQUESTS, &input).await.ok();
}

#[tokio::test]
async fn each_of_the_two_permissions_opens_what_it_names() {
    const LIMITED: &str = "a-token-with-limits-of-its-own";
    for (allowed, may) in [("read", [200, 403]), ("create", [403, 200])] {
        let second = format!(
            "subject: tests }}\n      - type: static\n        options: {{ token: {LIMITED}, subject: robot }}\n        \
             accessRestrictions: [{{ plugin: ske, permission: ske.pending-request.{allowed} }}]\n"
        );
        let desk = Desk::with(|config| config.replacen("subject: tests }\n", &second, 1)).await;
        let listed = get(&desk.app, LIMITED, REQUESTS).await;
        let recorded = post(&desk.app, LIMITED, REQUESTS, &request("Request", "orders")).await;
        assert_eq!([listed.status, recorded.status], may, "{listed:?} {recorded:?}");
        for said in [listed, recorded].into_iter().filter(|said| said.status == 403) {
            assert!(said.refused().1.contains("ske.pending-request."));
        }
    }
}

#[tokio::test]
async fn control_characters_are_refused_whichever_database_would_compare_with_them() {
    for desk in Desk::both().await {
        for query in ["name=orders%00", "promise=%00", "kind=Data%0abase", "after=%00"] {
            let listed = get(&desk.app, STATIC_TOKEN, &format!("{REQUESTS}?{query}")).await;
            let (status, message) = listed.refused();
            assert!(
                status == 400 && message.contains("control characters"),
                "{query}: {status} {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_given_in_pages() {
    let desk = Desk::open().await;
    for number in 0..5 {
        desk.record(&request("Request", &format!("db-{number}")))
            .await
            .ok();
    }
    let all = format!("{REQUESTS}?name=db-3&kind=Database&promise=database&namespace=shop");
    let one = get(&desk.app, STATIC_TOKEN, &all).await.ok();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let none = get(&desk.app, STATIC_TOKEN, &format!("{REQUESTS}?namespace=other"))
        .await
        .ok();
    assert_eq!(none, json!({"items": []}));
    let (mut next, mut seen) = (String::new(), 0);
    loop {
        let page = get(
            &desk.app,
            STATIC_TOKEN,
            &format!("{REQUESTS}?limit=2&after={next}"),
        )
        .await
        .ok();
        seen += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(after) => next = after.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, 5);
    let (status, _) = get(&desk.app, STATIC_TOKEN, &format!("{REQUESTS}?limit=501"))
        .await
        .refused();
    assert_eq!(status, 400);
}

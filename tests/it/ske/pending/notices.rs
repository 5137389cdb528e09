//! What people are told by the portal's notifications of the requests they made.

use std::time::Duration;

use serde_json::{Value, json};

use super::desk::{REQUESTS, request};
use crate::{
    actions::portal::send,
    ske::{
        gitops::place::{Depot, MINE, TEAM, document, push},
        portal::get,
    },
    support::{app::STATIC_TOKEN, backstage::Answer},
};

const NOTIFICATIONS: &str = "/api/notifications/notifications";

/// A repository in which Jane's Template asked for an object that is there a moment later.
async fn after_jane_asked(ours: &str, prepare: impl FnOnce(&Depot)) -> Depot {
    let depot = Depot::configured(ours, |config| {
        config.replacen("ske:\n", "ske:\n  pendingRequests: { refreshSeconds: 5 }\n", 1)
    })
    .await;
    prepare(&depot);
    let mut input = request("Request", "mine");
    input["manifest"] = document("mine", "small").into();
    input["namespace"] = TEAM.into();
    let path = "/api/ske/.backstage/actions/v1/actions/ske%3Arecord-request/invoke";
    let template = depot.backstage.on_behalf_of("jane", "scaffolder");
    send(&depot.app, ("POST", path), Some(&template), &input.to_string())
        .await
        .output();
    let clone = depot.remote.working_copy();
    clone.write(MINE, &document("mine", "small"));
    push(&clone);
    until(async || recorded(&depot).await == 0).await;
    depot
}

async fn recorded(depot: &Depot) -> usize {
    let listed = get(&depot.app, STATIC_TOKEN, REQUESTS).await.ok();
    listed["items"].as_array().unwrap().len()
}

async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came");
}

#[tokio::test]
async fn whoever_asked_is_told_by_the_portal_when_the_resource_is_there() {
    let notify = "{ pendingRequests: { notify: true } }";
    let depot = after_jane_asked(notify, |depot| {
        depot
            .backstage
            .fake
            .serve(NOTIFICATIONS, Answer::Document(json!([])));
    })
    .await;
    let fake = &depot.backstage.fake;
    until(async || fake.fetches(NOTIFICATIONS) == 1).await;
    let sent: Value = serde_json::from_str(&fake.body(NOTIFICATIONS).unwrap()).unwrap();
    let recipients = json!({ "type": "entity", "entityRef": "user:default/jane" });
    assert_eq!(sent["recipients"], recipients);
    assert_eq!(sent["payload"]["title"], "Database mine is there");
    // In our own name: the backend takes no user's token.
    let bearer = fake.credentials(NOTIFICATIONS).unwrap();
    let claims = claims(bearer.strip_prefix("Bearer ").unwrap());
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!("ske"), &json!("notifications"))
    );
    assert!(claims.get("obo").is_none(), "{claims}");
}

#[tokio::test]
async fn nobody_is_told_where_it_is_not_asked_for() {
    let depot = after_jane_asked("{}", |_| {}).await;
    assert_eq!(depot.backstage.fake.fetches(NOTIFICATIONS), 0);
}

#[tokio::test]
async fn a_portal_without_notifications_keeps_no_request_from_its_end() {
    let notify = "{ pendingRequests: { notify: true } }";
    let depot = after_jane_asked(notify, |depot| {
        depot.backstage.fake.serve(NOTIFICATIONS, Answer::Status(404));
    })
    .await;
    let fake = &depot.backstage.fake;
    until(async || fake.fetches(NOTIFICATIONS) == 1).await;
    assert_eq!(recorded(&depot).await, 0);
}

fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

//! How a portal learns which permissions there are.

use serde_json::{Value, json};

use super::{JANE, Portal, token_of};
use crate::support::spacelift::FakeSpacelift;

const METADATA: &str = "/.well-known/backstage/permissions/metadata";
const APPLY: &str = "/.well-known/backstage/permissions/apply-conditions";

#[tokio::test]
async fn each_plugin_lists_its_permissions_for_who_has_credentials() {
    let fake = FakeSpacelift::start().await;
    let portal = Portal::start(&fake.section("")).await;
    let path = format!("/api/spacelift-io{METADATA}");
    let (status, text) = portal.get(&token_of(JANE), &path).await;
    assert_eq!(status, 200, "{text}");
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let basic = |(name, action): (&str, &str)| json!({ "type": "basic", "name": name, "attributes": { "action": action } });
    let wanted: Vec<_> = [
        ("spacelift.stack.read", "read"),
        ("spacelift.run.read", "read"),
        ("spacelift.run.trigger", "update"),
        ("spacelift.run.confirm", "update"),
        ("spacelift.run.discard", "update"),
    ]
    .map(basic)
    .to_vec();
    assert_eq!(metadata, json!({ "permissions": wanted, "rules": [] }));
    let anonymous = portal.app.client.get(portal.app.url(&path)).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    assert_eq!(
        portal.policy.questions(),
        [],
        "telling what there is takes no permission"
    );
}

#[tokio::test]
async fn there_are_no_conditions_to_apply() {
    let fake = FakeSpacelift::start().await;
    let portal = Portal::start(&fake.section("")).await;
    let path = format!("/api/spacelift-io{APPLY}");
    let token = token_of(JANE);
    let none = portal.post(&token, &path, &json!({ "items": [] })).await;
    assert_eq!(none, (200, json!({ "items": [] }).to_string()));
    let some =
        json!({ "items": [{ "id": "1", "resourceRef": "x", "resourceType": "stack", "conditions": {} }] });
    for unfit in [some, json!({}), json!({ "items": 1 })] {
        assert_eq!(portal.post(&token, &path, &unfit).await.0, 400, "{unfit}");
    }
}

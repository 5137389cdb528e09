//! How a portal learns which permissions there are.

use serde_json::{Value, json};

use super::{JANE, Portal, through_scaffolder, token_of};
use crate::support::{app::STATIC_TOKEN, spacelift::FakeSpacelift};

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
async fn the_platforms_permissions_are_listed_likewise() {
    let data = tempfile::tempdir().unwrap();
    let portal = Portal::start(&format!(
        "ske:\n  mode: gitops\n  scm: {{ repoUrl: 'http://127.0.0.1:1/state.git', type: github }}\nstagedoor:\n  dataDir: \
         '{}'\n",
        data.path().display()
    ))
    .await;
    let (_, text) = portal.get(&token_of(JANE), &format!("/api/ske{METADATA}")).await;
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let listed = metadata["permissions"].as_array().unwrap().iter();
    let listed: Vec<_> = listed
        .map(|permission| {
            assert_eq!(permission["type"], "basic");
            let action = &permission["attributes"]["action"];
            (permission["name"].as_str().unwrap(), action.as_str().unwrap())
        })
        .collect();
    let wanted = [
        ("ske.resource.read", "read"),
        ("ske.resource.create", "create"),
        ("ske.resource.update", "update"),
        ("ske.resource.delete", "delete"),
        ("ske.pending-request.read", "read"),
        ("ske.pending-request.create", "create"),
        ("ske.pull-request.create", "create"),
    ];
    assert_eq!(listed, wanted);
}

#[tokio::test]
async fn there_are_no_conditions_to_apply_and_people_cannot_even_ask() {
    let fake = FakeSpacelift::start().await;
    let portal = Portal::start(&fake.section("")).await;
    let path = format!("/api/spacelift-io{APPLY}");
    let empty = json!({ "items": [] });
    let through = through_scaffolder(JANE, "spacelift-io");
    for plugin in [through.as_str(), STATIC_TOKEN] {
        let none = portal.post(plugin, &path, &empty).await;
        assert_eq!(none, (200, empty.to_string()));
    }
    assert_eq!(portal.post(&token_of(JANE), &path, &empty).await.0, 403);
    let some =
        json!({ "items": [{ "id": "1", "resourceRef": "x", "resourceType": "stack", "conditions": {} }] });
    for unfit in [some, json!({}), json!({ "items": 1 })] {
        assert_eq!(portal.post(&through, &path, &unfit).await.0, 400, "{unfit}");
    }
}

//! The actions of `spacelift-io`: the same operations as its routes, from one implementation.

use serde_json::{Value, json};

use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    spacelift::{FakeSpacelift, Reply, error, explained, listed, stack, triggered},
};

const ACTIONS: &str = "/api/spacelift-io/.backstage/actions/v1/actions";
const STACKS: &str = "/api/spacelift-io/stacks";

pub(super) async fn portal(fake: &FakeSpacelift) -> TestApp {
    TestApp::start(&fake.app_config("timeout: 1s")).await
}

/// Status and body of an invocation.
pub(super) async fn invoke(app: &TestApp, action: &str, input: &Value) -> (u16, Value) {
    let path = format!("{ACTIONS}/spacelift-io%3A{action}/invoke");
    let request = app.client.post(app.url(&path)).bearer_auth(STATIC_TOKEN);
    let response = request.json(input).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(super) async fn rest(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_list_of_actions_needs_no_upstream() {
    // Nothing is expected of Spacelift: any call fails the test.
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    let list: Value = app.get(ACTIONS).await.json().await.unwrap();
    let told: Vec<_> = list["actions"].as_array().unwrap().iter().collect();
    let attributes = |id: &str| {
        let found = told.iter().find(|action| action["id"] == id).unwrap();
        assert!(found["description"].as_str().unwrap().len() > 20 && found["examples"][0].is_object());
        found["attributes"].clone()
    };
    let reads = json!({"destructive": false, "idempotent": true, "readOnly": true});
    let writes = json!({"destructive": true, "idempotent": false, "readOnly": false});
    assert_eq!(attributes("spacelift-io:list-stacks"), reads);
    assert_eq!(attributes("spacelift-io:get-stack"), reads);
    assert_eq!(attributes("spacelift-io:trigger-run"), writes);
    assert_eq!(attributes("spacelift-io:get-run"), reads);
    assert_eq!(attributes("spacelift-io:wait-for-run"), reads);
    let decides = json!({"destructive": true, "idempotent": true, "readOnly": false});
    assert_eq!(attributes("spacelift-io:confirm-run"), decides);
    assert_eq!(attributes("spacelift-io:discard-run"), decides);
}

#[tokio::test]
async fn stacks_are_listed_and_looked_at_as_the_routes_do_and_cost_spacelift_one_look() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(json!([stack("a"), stack("b")])));
    let app = portal(&fake).await;
    let (status, listed) = rest(app.get(STACKS).await).await;
    assert_eq!(status, 200);
    let answer = json!({ "output": { "stacks": listed } });
    assert_eq!(invoke(&app, "list-stacks", &json!({})).await, (200, answer));
    let (status, one) = rest(app.get(&format!("{STACKS}/b")).await).await;
    assert_eq!((status, &one), (200, &listed[1]));
    let answer = json!({ "output": one });
    assert_eq!(
        invoke(&app, "get-stack", &json!({"stackId": "b"})).await,
        (200, answer)
    );
}

#[tokio::test]
async fn a_stack_that_is_not_in_the_list_is_404_both_ways() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let app = portal(&fake).await;
    let sentence = "Spacelift knows no stack 'gone' that the integration key may see";
    let (status, body) = invoke(&app, "get-stack", &json!({"stackId": "gone"})).await;
    assert_eq!(
        (status, body["error"]["name"].as_str()),
        (404, Some("NotFoundError"))
    );
    assert!(
        body["error"]["message"].as_str().unwrap().starts_with(sentence),
        "{body}"
    );
    let (status, body) = rest(app.get(&format!("{STACKS}/gone")).await).await;
    assert!(
        status == 404 && body["error"].as_str().unwrap().starts_with(sentence),
        "{body}"
    );
}

#[tokio::test]
async fn a_run_is_triggered_in_the_callers_name_and_linked() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", triggered("01HRUN"));
    let app = portal(&fake).await;
    let answer = json!({ "output": {
        "id": "01HRUN", "state": "QUEUED", "url": "https://acme.app.spacelift.io/stack/a%2Fb/run/01HRUN",
    }});
    assert_eq!(
        invoke(&app, "trigger-run", &json!({"stackId": "a/b"})).await,
        (200, answer)
    );
    let asked = fake.last("TriggerRun");
    assert_eq!(asked.body["variables"], json!({"stack": "a/b"}));
    assert_eq!(
        asked.header("spacelift-user-provided-run-metadata"),
        Some("tests")
    );
}

#[tokio::test]
async fn why_a_run_was_refused_stands_in_the_envelope_and_in_the_reason_phrase() {
    let locked = json!({"id": "a", "canWrite": true, "isDisabled": false, "lockedBy": "jane", "lockedAt": 1_700_000_000, "lockNote": null});
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("TriggerRun", error("could not trigger"))
        .expect("ExplainRefusal", explained(locked));
    let app = portal(&fake).await;
    let (status, body) = invoke(&app, "trigger-run", &json!({"stackId": "a"})).await;
    assert_eq!(
        (status, body["error"]["name"].as_str()),
        (409, Some("ConflictError"))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("locked by jane since 2023-11-14"),
        "{body}"
    );
    assert_eq!(body["response"]["statusCode"], 409);
}

#[tokio::test]
async fn ids_that_cannot_be_any_are_refused_before_spacelift_is_asked() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    for (id, says) in [
        (json!(""), "'stackId' must be at least 1 long"),
        (json!("a\u{0}b"), "control character"),
        (json!("é".repeat(200)), "longer than 255 bytes"),
        (json!(null), "'stackId' must be text"),
    ] {
        for action in ["get-stack", "trigger-run"] {
            let (status, body) = invoke(&app, action, &json!({ "stackId": id })).await;
            assert!(
                status == 400 && body["error"]["message"].as_str().unwrap().contains(says),
                "{id}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn what_an_operator_limited_a_token_to_holds_for_actions_too() {
    let entry = "subject: tests }\n";
    for (limit, action) in [
        ("permission: spacelift.stack.read", "trigger-run"),
        ("permissionAttribute: { action: [update] }", "get-stack"),
        ("permissionAttribute: { action: [update] }", "list-stacks"),
    ] {
        let fake = FakeSpacelift::start().await;
        let limited = format!("{entry}        accessRestrictions: [{{ plugin: spacelift-io, {limit} }}]\n");
        let app = TestApp::start(&fake.app_config("").replace(entry, &limited)).await;
        let input = if action == "list-stacks" {
            json!({})
        } else {
            json!({"stackId": "a"})
        };
        let (status, body) = invoke(&app, action, &input).await;
        assert!(status == 403, "{limit} {action}: {body}");
    }
}

#[tokio::test]
async fn a_read_only_portal_refuses_the_action_as_the_route() {
    let fake = FakeSpacelift::start().await;
    let config = fake.app_config("").replace("apiKey:", "readOnly: true, apiKey:");
    let app = TestApp::start(&config).await;
    let (status, body) = invoke(&app, "trigger-run", &json!({"stackId": "a"})).await;
    assert_eq!(status, 403);
    assert_eq!(
        body["error"]["message"],
        "Trigger functionality is disabled. Plugin is in read-only mode."
    );
}

#[tokio::test]
async fn nothing_secret_leaves_through_a_failed_action() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("TriggerRun", error(crate::support::spacelift::CANARY_QUOTE))
        .expect(
            "ExplainRefusal",
            Reply::Json(
                json!({"data": {"viewer": {"id": "k"}, "stack": {"id": "a", "canWrite": true, "isDisabled": false,
            "lockedBy": null, "lockedAt": null, "lockNote": null}}}),
            ),
        );
    let app = portal(&fake).await;
    let (status, body) = invoke(&app, "trigger-run", &json!({"stackId": "a"})).await;
    assert!(status == 502 && !body.to_string().contains("canary"), "{body}");
}

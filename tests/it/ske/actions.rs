//! The actions of `ske`: the same operations as its routes, by name.

use serde_json::{Value, json};

use super::{
    faults,
    gitops::place::Depot,
    place::Place,
    portal::{get, manifest, named},
};
use crate::{
    actions::portal::{Reply, send},
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes_fake::{self, FakeKubernetes, OBJECT},
    },
};

const ACTIONS: &str = "/api/ske/.backstage/actions/v1/actions";

/// Invokes as whoever the token belongs to.
pub(super) async fn invoke(app: &TestApp, token: &str, action: &str, input: &Value) -> Reply {
    let path = format!("{ACTIONS}/ske%3A{action}/invoke");
    send(app, ("POST", &path), Some(token), &input.to_string()).await
}

/// The input that names `mine`.
pub(super) fn mine(place: &Place) -> Value {
    named(&place.kind, &place.namespace, "mine")
}

/// The input that configures `mine`.
pub(super) fn wanted(place: &Place, size: &str) -> Value {
    manifest(&place.kind, &place.namespace, "mine", json!({ "size": size }))
}

#[track_caller]
pub(super) fn ended(reply: &Reply, state: &str, timed_out: bool) {
    let output = reply.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!(state), &json!(timed_out)),
        "{output}"
    );
}

#[tokio::test]
async fn the_actions_are_listed_with_what_they_may_change() {
    let place = Place::open().await;
    let listed = get(&place.app, STATIC_TOKEN, ACTIONS).await.ok();
    let told: Vec<_> = listed["actions"].as_array().unwrap().iter().collect();
    let attributes =
        |destructive: bool| json!({"destructive": destructive, "idempotent": true, "readOnly": !destructive});
    for (id, destructive) in [
        ("ske:configure-resource", true),
        ("ske:get-resource", false),
        ("ske:wait-for-resource", false),
        ("ske:delete-resource", true),
    ] {
        let action = told.iter().find(|action| action["id"] == id).unwrap();
        assert_eq!(action["attributes"], attributes(destructive), "{id}");
        assert!(action["examples"][0].is_object() && action["description"].as_str().unwrap().len() > 20);
    }
    assert_eq!(told.len(), 5);
    let input = &told[0]["schema"]["input"];
    let forms = input["properties"]["manifest"]["anyOf"].as_array().unwrap();
    let types: Vec<_> = forms.iter().filter_map(|form| form["type"].as_str()).collect();
    assert_eq!(
        (types, &input["required"]),
        (vec!["string", "object"], &json!(["manifest"]))
    );
    assert_eq!(told[3]["schema"]["output"]["additionalProperties"], true);
}

#[tokio::test]
async fn a_resource_is_configured_awaited_read_and_deleted_by_name() {
    let place = Place::open().await;
    let _running = place.kratix().run();
    let (app, template) = (&place.app, place.guests_template());
    let written = invoke(app, &template, "configure-resource", &wanted(&place, "small"))
        .await
        .output();
    let live = place.live("mine").await;
    assert_eq!(
        written,
        json!({ "resourceId": live["metadata"]["uid"], "created": true })
    );
    let waited = invoke(app, &template, "wait-for-resource", &mine(&place)).await;
    ended(&waited, "reconciled", false);
    assert_eq!(waited.output()["observedGeneration"], 1);
    let read = invoke(app, &template, "get-resource", &mine(&place))
        .await
        .output();
    assert_eq!(read, place.read("mine").await.ok());
    let text = format!(
        "apiVersion: {}\nkind: Database\nmetadata: {{ name: mine, namespace: {} }}\nspec: {{ size: large }}\n",
        place.kind.api_version(),
        place.namespace
    );
    let input = json!({ "manifest": text });
    let again = invoke(app, &template, "configure-resource", &input).await;
    assert_eq!(
        again.output(),
        json!({ "resourceId": live["metadata"]["uid"], "created": false })
    );
    ended(
        &invoke(app, &template, "wait-for-resource", &mine(&place)).await,
        "reconciled",
        false,
    );
    assert_eq!(place.live("mine").await["spec"]["size"], "large");
    let deleted = invoke(app, &template, "delete-resource", &mine(&place))
        .await
        .output();
    assert!(deleted["metadata"]["deletionTimestamp"].is_string(), "{deleted}");
}

#[tokio::test]
async fn without_a_namespace_an_action_means_the_one_in_default() {
    let place = Place::open().await;
    let collection = place.kind.path("default");
    let request = place.kind.request("mine", json!({ "size": "small" }));
    let made = place.cluster.api().create(&collection, &request).await.ok();
    let mut input = mine(&place);
    input.as_object_mut().unwrap().remove("namespace");
    let read = invoke(&place.app, STATIC_TOKEN, "get-resource", &input)
        .await
        .output();
    assert_eq!(read["manifest"]["metadata"]["uid"], made["metadata"]["uid"]);
    let deleted = invoke(&place.app, STATIC_TOKEN, "delete-resource", &input)
        .await
        .output();
    assert_eq!(deleted["status"], "Success");
}

#[tokio::test]
async fn whoever_is_signed_in_looks_and_only_a_template_configures_and_deletes() {
    let place = Place::open().await;
    place.create("mine").await;
    let others = [
        (place.guest(), "'direct'"),
        (
            place.backstage.on_behalf_of("guest", "mcp-actions"),
            "'mcp-actions'",
        ),
    ];
    for (token, entry) in others {
        for (action, input) in [
            ("configure-resource", wanted(&place, "large")),
            ("delete-resource", mine(&place)),
        ] {
            let (status, name, message) = invoke(&place.app, &token, action, &input).await.refused();
            assert_eq!((status, name.as_str()), (403, "NotAllowedError"));
            assert!(
                message.contains(entry) && message.contains("stagedoor.actions.writeCallers"),
                "{message}"
            );
        }
        invoke(&place.app, &token, "get-resource", &mine(&place))
            .await
            .output();
        let mut input = mine(&place);
        input["state"] = json!("applying");
        ended(
            &invoke(&place.app, &token, "wait-for-resource", &input).await,
            "applying",
            false,
        );
    }
    assert_eq!(place.live("mine").await["spec"]["size"], "small");
    let template = place.guests_template();
    invoke(&place.app, &template, "delete-resource", &mine(&place))
        .await
        .output();
    assert_eq!(place.read("mine").await.status, 404);
}

#[tokio::test]
async fn a_token_that_may_only_read_gets_the_missing_permission_by_name() {
    let place = Place::configured("{}", |config| {
        let entry = "subject: tests }\n";
        let limits = "accessRestrictions: [{ plugin: ske, permission: ske.resource.read }]";
        let changed = config.replace(entry, &format!("{entry}        {limits}\n"));
        assert_ne!(changed, config);
        changed
    })
    .await;
    place.create("mine").await;
    for (action, input, permission) in [
        ("configure-resource", wanted(&place, "large"), "ske.resource."),
        ("delete-resource", mine(&place), "ske.resource.delete"),
    ] {
        let (status, _, message) = invoke(&place.app, STATIC_TOKEN, action, &input).await.refused();
        assert!(status == 403 && message.contains(permission), "{message}");
    }
    invoke(&place.app, STATIC_TOKEN, "get-resource", &mine(&place))
        .await
        .output();
}

#[tokio::test]
async fn why_an_action_failed_stands_in_the_reason_phrase() {
    let place = Place::open().await;
    let absent = format!("Database {}/mine does not exist on the platform", place.namespace);
    let secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "name": "mine", "namespace": place.namespace });
    let mut undefined = mine(&place);
    undefined["apiVersion"] = json!("undefined/undefined");
    for (action, input, status, says) in [
        ("get-resource", mine(&place), 404, absent.as_str()),
        ("wait-for-resource", mine(&place), 404, &absent),
        ("delete-resource", mine(&place), 404, &absent),
        ("get-resource", secret, 403, "Secret"),
        (
            "get-resource",
            undefined,
            400,
            "apiVersion 'undefined/undefined' is incomplete",
        ),
        (
            "configure-resource",
            json!({ "manifest": "a: [1" }),
            400,
            "the manifest is not valid YAML",
        ),
        (
            "configure-resource",
            json!({ "manifest": 7 }),
            400,
            "'manifest' has none of the forms it may have",
        ),
        ("configure-resource", json!({}), 400, "'manifest' is required"),
        ("wait-for-resource", json!({ "state": "done" }), 400, "'state'"),
    ] {
        let reply = invoke(&place.app, STATIC_TOKEN, action, &input).await;
        let refused = reply.refused();
        assert!(
            refused.0 == status && reply.phrase.contains(says),
            "{action} {input}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn a_wait_outlives_a_moment_without_the_api_server() {
    let fake = FakeKubernetes::start().await;
    let app = faults::portal(&fake).await;
    let mut input = named(&FakeKubernetes::kind(), "default", "mine");
    input["state"] = json!("applying");
    for fault in [faults::html(503), kubernetes_fake::Reply::Close] {
        fake.plant("GET", OBJECT, &[fault]);
        ended(
            &invoke(&app, STATIC_TOKEN, "wait-for-resource", &input).await,
            "applying",
            false,
        );
    }
    input["timeoutSeconds"] = json!(1);
    fake.plant("GET", OBJECT, &[faults::html(503), faults::html(503)]);
    let (status, _, message) = invoke(&app, STATIC_TOKEN, "wait-for-resource", &input)
        .await
        .refused();
    assert!(status == 502 && message.contains("HTTP status 503"), "{message}");
}

#[tokio::test]
async fn in_gitops_actions_answer_with_the_commit_and_there_is_no_platform_to_wait_for() {
    let depot = Depot::open().await;
    let template = depot.guests_template();
    let input = manifest(&depot.kind, "team", "mine", json!({ "size": "small" }));
    let written = invoke(&depot.app, &template, "configure-resource", &input)
        .await
        .output();
    assert_eq!(written, json!({ "commitsha": depot.head(), "created": true }));
    let input = named(&depot.kind, "team", "mine");
    let read = invoke(&depot.app, &template, "get-resource", &input)
        .await
        .output();
    assert_eq!(read["manifest"]["spec"]["size"], "small");
    let waited = invoke(&depot.app, &template, "wait-for-resource", &input).await;
    let (status, _, message) = waited.refused();
    assert!(status == 501 && message.contains("knows no cluster"), "{message}");
    let deleted = invoke(&depot.app, &template, "delete-resource", &input)
        .await
        .output();
    assert_eq!(deleted, json!({ "commitHash": depot.head() }));
}

#[tokio::test]
async fn an_action_that_needs_the_scaffolders_workspace_is_not_offered_and_says_so() {
    let place = Place::open().await;
    let input = json!({ "manifest": "a: b", "targetPath": "x.yaml" });
    let reply = invoke(&place.app, STATIC_TOKEN, "write-manifest", &input).await;
    let (status, name, message) = reply.refused();
    assert_eq!((status, name.as_str()), (404, "NotFoundError"));
    assert!(
        message.contains("is not offered") && message.contains("'fetch:template'"),
        "{message}"
    );
    assert!(reply.phrase.contains("the scaffolder's workspace"), "{reply:?}");
    let unknown = invoke(&place.app, STATIC_TOKEN, "no-such-thing", &input).await;
    assert!(unknown.refused().2.ends_with("not found"));
}

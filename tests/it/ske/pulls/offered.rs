//! Who is offered what: the actions, their absence, and who may run them.

use serde_json::json;

use super::portal::{BRANCH, FILE, Portal, deletion, order, order_with, publication};
use crate::{
    ske::portal::get,
    support::{
        app::STATIC_TOKEN,
        code_host::{FakeCodeHost, Kind, TOKEN, world::World},
    },
};

const ACTIONS: &str = "/api/ske/.backstage/actions/v1/actions";

/// A portal whose list of repositories is empty.
async fn without_repositories() -> Portal {
    let host = FakeCodeHost::start(Kind::GitHub).await;
    host.hold("acme/requests", World::with(&[("README.md", "hello\n")]));
    Portal::before(host, &format!("token: {TOKEN}"), "repositories: []").await
}

async fn listed(portal: &Portal) -> Vec<String> {
    let listed = get(&portal.app, STATIC_TOKEN, ACTIONS).await.ok();
    let actions = listed["actions"].as_array().unwrap().iter();
    actions
        .map(|action| action["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn with_a_repository_both_actions_are_listed_with_what_they_may_change() {
    let portal = Portal::start(Kind::GitHub).await;
    let listed = get(&portal.app, STATIC_TOKEN, ACTIONS).await.ok();
    let action = |id: &str| {
        let actions = listed["actions"].as_array().unwrap().iter();
        actions
            .clone()
            .find(|action| action["id"] == id)
            .cloned()
            .unwrap()
    };
    let (open, publish) = (action("ske:open-pull-request"), action("ske:publish-catalog"));
    assert_eq!(
        open["attributes"],
        json!({"destructive": false, "idempotent": true, "readOnly": false})
    );
    assert_eq!(
        publish["attributes"],
        json!({"destructive": true, "idempotent": true, "readOnly": false})
    );
    assert_eq!(
        open["schema"]["input"]["required"],
        json!(["manifest", "promiseName", "repoUrl"])
    );
    assert_eq!(
        publish["schema"]["input"]["required"],
        json!(["targetPath", "repoUrl", "branchName"])
    );
    let words = open["schema"]["input"]["properties"]["action"].to_string();
    assert!(words.contains("Delete"), "{words}");
}

#[tokio::test]
async fn without_a_repository_neither_is_offered_and_an_attempt_is_told_why() {
    let portal = without_repositories().await;
    let listed = listed(&portal).await;
    for (action, input) in [
        ("open-pull-request", order("small")),
        ("publish-catalog", publication()),
    ] {
        assert!(!listed.contains(&format!("ske:{action}")), "{listed:?}");
        let (status, _, message) = portal.run(STATIC_TOKEN, action, &input).await.refused();
        assert!(
            status == 404
                && message.contains("is not offered")
                && message.contains("stagedoor.ske.repositories"),
            "{message}"
        );
    }
    for said in [
        portal.ask(&order("small")).await,
        portal.publish(&publication()).await,
    ] {
        let (status, message) = said.refused();
        assert!(
            status == 403 && message.contains("stagedoor.ske.repositories"),
            "{message}"
        );
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn a_template_opens_a_pull_request_and_gets_its_address() {
    for kind in super::portal::BOTH {
        let portal = Portal::start(kind).await;
        let template = portal.backstage.on_behalf_of("jane", "scaffolder");
        let output = portal
            .run(&template, "open-pull-request", &order("small"))
            .await
            .output();
        assert_eq!(output["branchName"], BRANCH);
        assert!(portal.pulls()[0].body.contains("`user:default/jane`"));
        assert!(
            portal
                .tip(BRANCH)
                .message
                .contains("Requested-by: user:default/jane")
        );
        portal.world(|world| world.push("main", FILE, Some("old\n")));
        let output = portal
            .run(&template, "open-pull-request", &deletion())
            .await
            .output();
        assert_eq!(output["created"], true);
    }
}

#[tokio::test]
async fn a_manifest_may_be_text_and_is_written_as_it_is_meant() {
    let portal = Portal::start(Kind::GitHub).await;
    let text = "apiVersion: example.org/v1\nkind: Redis\nmetadata: {name: mine, namespace: team}\nspec: {on: yes, at: 12:30}\n";
    portal.ask(&order_with("manifest", json!(text))).await.ok();
    let written = portal.file(BRANCH).unwrap();
    assert!(
        written.contains("\"yes\"") || written.contains("'yes'"),
        "quoted, since YAML 1.1 reads a boolean: {written}"
    );
}

#[tokio::test]
async fn only_who_comes_through_a_listed_plugin_may_write() {
    let portal = Portal::start(Kind::GitHub).await;
    let direct = portal.backstage.user("jane", json!({}));
    let other = portal.backstage.on_behalf_of("jane", "mcp-actions");
    for token in [direct, other] {
        let (status, message) = portal.ask_as(&token, &order("small")).await.refused();
        assert!(
            status == 403 && message.contains("stagedoor.actions.writeCallers"),
            "{message}"
        );
        for (action, input) in [
            ("open-pull-request", order("small")),
            ("publish-catalog", publication()),
        ] {
            let (status, _, message) = portal.run(&token, action, &input).await.refused();
            assert!(
                status == 403 && message.contains("stagedoor.actions.writeCallers"),
                "{message}"
            );
        }
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn a_token_without_the_permission_is_refused_by_its_name() {
    let portal = Portal::start(Kind::GitHub).await;
    for (action, input) in [
        ("open-pull-request", order("small")),
        ("publish-catalog", publication()),
    ] {
        let (status, _, message) = portal.run(portal.limited(), action, &input).await.refused();
        assert!(
            status == 403 && message.contains("ske.pull-request.create"),
            "{message}"
        );
    }
    assert!(portal.host.calls().is_empty());
}

#[tokio::test]
async fn what_cannot_be_used_is_a_400_that_says_what() {
    let portal = Portal::start(Kind::GitHub).await;
    for (order, says) in [
        (json!({}), "promiseName"),
        (order_with("manifest", json!(null)), "manifest"),
        (order_with("manifest", json!("a: [1")), "not valid YAML"),
        (order_with("action", json!("delete")), "Request, Update or Delete"),
        (order_with("title", json!("a\nb")), "title"),
        (order_with("title", json!("x".repeat(256))), "title"),
        (
            order_with("description", json!("x".repeat(60_001))),
            "description",
        ),
        (order_with("targetBranch", json!("a..b")), "targetBranch"),
        (order_with("repoUrl", json!("code.example.com")), "repoUrl"),
    ] {
        let (status, message) = portal.ask(&order).await.refused();
        assert!(
            status == 400 && message.contains(says),
            "{says}: {status} {message}"
        );
    }
    assert!(portal.host.calls().is_empty());
}

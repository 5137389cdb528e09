//! What is asked for by pull request, and recorded.

use serde_json::{Value, json};

use super::Recorded;
use crate::support::{
    app::STATIC_TOKEN,
    code_host::{FakeCodeHost, Kind, TOKEN, world::World},
};

const PULL_REQUESTS: (&str, &str) = ("POST", "/api/ske/pull-requests");

/// What a form may hold; no event repeats it.
fn manifest(name: &str) -> Value {
    json!({ "apiVersion": "example.org/v1", "kind": "Redis", "metadata": { "name": name, "namespace": "team" },
        "spec": { "password": "canary-of-the-form" } })
}

fn order(action: &str, name: &str) -> Value {
    json!({ "manifest": manifest(name), "promiseName": "redis", "action": action,
        "repoUrl": "code.example.com?owner=acme&repo=requests" })
}

/// The service, and the host whose repository holds the file of `old`.
async fn start() -> (Recorded, FakeCodeHost, tempfile::TempDir) {
    let host = FakeCodeHost::start(Kind::GitHub).await;
    let old = manifest("old").to_string();
    host.hold(
        "acme/requests",
        World::with(&[("kratix-requests/redis/team/old.yaml", &old)]),
    );
    let data = tempfile::tempdir().unwrap();
    let sections = format!(
        "ske:\n  mode: gitops\n  scm: {{ repoUrl: 'http://127.0.0.1:1/state.git', type: github }}\n\
         integrations:\n  github:\n    - {{ host: code.example.com, apiBaseUrl: '{}', token: {TOKEN} }}\n\
         stagedoor:\n  dataDir: '{}'\n  ske:\n    allow: [{{ group: example.org, kinds: ['*'], access: write }}]\n    \
         repositories: [{{ host: code.example.com, owner: acme, repo: requests }}]\n",
        host.url(),
        data.path().display()
    );
    (Recorded::start("{}", &sections).await, host, data)
}

/// Event, status and what was done, for each event.
fn told(events: &[Value]) -> Vec<[String; 3]> {
    let told = |event: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [
            text(&event["eventId"]),
            text(&event["status"]),
            text(&event["meta"]["actionType"]),
        ]
    };
    events.iter().map(told).collect()
}

#[tokio::test]
async fn a_pull_request_and_its_record_say_what_was_asked_for_and_nothing_of_the_manifest() {
    let (portal, _host, _data) = start().await;
    let mut wanted = Vec::new();
    for (action, name) in [("Request", "new"), ("Update", "old"), ("Delete", "old")] {
        let mut order = order(action, name);
        if action == "Update" {
            order["manifest"]["spec"]["size"] = json!("large");
        }
        let status = portal.ask_as(STATIC_TOKEN, PULL_REQUESTS, Some(&order)).await;
        assert_eq!(status, 200, "{action}");
        let (asked, kept) = ("pull-request-mutate", "pending-request-mutate");
        let done = action.to_lowercase();
        wanted.extend([
            [asked, "initiated", &done].map(str::to_owned),
            [asked, "succeeded", &done].map(str::to_owned),
            [kept, "initiated", "record"].map(str::to_owned),
            [kept, "succeeded", "record"].map(str::to_owned),
        ]);
    }
    let events = portal.events().await;
    assert_eq!(told(&events), wanted);
    let (asked, recorded) = (&events[9]["meta"], &events[11]["meta"]);
    assert_eq!(
        (&recorded["requested"], &recorded["namespace"], &recorded["name"]),
        (&json!("Delete"), &json!("team"), &json!("old"))
    );
    assert!(
        recorded["entityRef"]
            .as_str()
            .unwrap()
            .starts_with("component:default/old-pending-")
    );
    assert_eq!(asked["repository"], "code.example.com/acme/requests");
    assert!(
        asked["pullRequestUrl"].is_string() && asked["commit"].is_string(),
        "{asked}"
    );
    for event in &events {
        assert_eq!(
            (&event["severityLevel"], &event["actor"]["actorId"]),
            (&json!("medium"), &json!("tests"))
        );
    }
    assert!(!json!(events).to_string().contains("canary"), "{events:?}");
}

#[tokio::test]
async fn an_attempt_that_fails_is_told_without_the_words_it_was_made_of() {
    let (portal, _host, _data) = start().await;
    let mut foreign = order("canary-of-a-word", "new");
    foreign["repoUrl"] = json!("https://canary:x@evil.test/acme/requests");
    let record = json!({ "promiseName": "redis", "name": "new", "namespace": "team", "action": "Request",
        "manifest": manifest("new"), "pullRequestUrl": "https://evil.test/canary/pull/1" });
    for (path, body) in [
        (PULL_REQUESTS, foreign),
        (("POST", "/api/ske/pending-requests"), record),
    ] {
        assert_eq!(
            portal.ask_as(STATIC_TOKEN, path, Some(&body)).await,
            400,
            "{path:?}"
        );
    }
    let events = portal.events().await;
    let wanted = [
        ["pull-request-mutate", "initiated", ""],
        ["pull-request-mutate", "failed", ""],
        ["pending-request-mutate", "initiated", "record"],
        ["pending-request-mutate", "failed", "record"],
    ];
    assert_eq!(told(&events), wanted.map(|event| event.map(str::to_owned)));
    assert!(!json!(events).to_string().contains("canary"), "{events:?}");
}

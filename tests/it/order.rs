//! The order of checks: who may not do a thing is told so whatever was sent, and nothing of that is read.

use serde_json::Value;

use crate::support::{app::TestApp, spacelift::FakeSpacelift};

/// A token that is let in and may do nothing.
const POWERLESS: &str = "a-token-that-may-do-nothing";

const ROUTES: [&str; 8] = [
    "/api/ske/configure-resource",
    "/api/ske/delete-resource",
    "/api/ske/pending-requests",
    "/api/ske/pull-requests",
    "/api/ske/publish-catalog",
    "/api/spacelift-io/stacks/a/trigger",
    "/api/spacelift-io/stacks/a/runs/b/confirm",
    "/api/spacelift-io/stacks/a/runs/b/discard",
];

/// Both plugins, with everything they offer.
async fn app() -> (TestApp, FakeSpacelift, tempfile::TempDir) {
    let (fake, data) = (FakeSpacelift::start().await, tempfile::tempdir().unwrap());
    let limits =
        ["ske", "spacelift-io"].map(|plugin| format!("{{ plugin: {plugin}, permission: none.of.ours }}"));
    let config = format!(
        "backend:\n  baseUrl: http://localhost:7007\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
         options: {{ token: {POWERLESS}, subject: robot }}\n        accessRestrictions: [{}]\n\
         ske:\n  mode: gitops\n  scm: {{ repoUrl: 'http://127.0.0.1:1/state.git', type: github }}\n\
         integrations:\n  github: [{{ host: code.example.com, token: x }}]\n\
         {}  dataDir: '{}'\n  ske: {{ repositories: [{{ host: code.example.com, owner: acme, repo: requests }}] }}\n",
        limits.join(", "),
        fake.section("timeout: 1s"),
        data.path().display()
    );
    (TestApp::start(&config).await, fake, data)
}

/// What no parser should see of a caller who may not.
fn bodies() -> [String; 7] {
    let bomb = format!("a: &a [{}]\\nb: [{}]", "{a: 1}, ".repeat(4950), "*a, ".repeat(98));
    [
        "{".to_owned(),
        "nonsense".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "[".repeat(100_000),
        format!("[{}1]", "1,".repeat(50_000)),
        format!("{{\"manifest\":\"{bomb}\"}}"),
    ]
}

async fn sent(app: &TestApp, path: &str, body: String) -> (u16, String) {
    let request = app.client.post(app.url(path)).bearer_auth(POWERLESS);
    let request = request.header("content-type", "application/json").body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn refused(app: &TestApp, path: &str) {
    for body in bodies() {
        let begins = body[..body.len().min(20)].to_owned();
        let (status, text) = sent(app, path, body).await;
        assert!(
            status == 403 && text.contains("accessRestrictions"),
            "{path} {begins}: {status} {text}"
        );
    }
}

#[tokio::test]
async fn no_route_reads_what_a_caller_without_the_right_sends() {
    let (app, _fake, _data) = app().await;
    for path in ROUTES {
        refused(&app, path).await;
    }
}

#[tokio::test]
async fn no_action_reads_what_a_caller_without_the_right_sends() {
    let (app, _fake, _data) = app().await;
    for plugin in ["ske", "spacelift-io"] {
        let base = format!("/api/{plugin}/.backstage/actions");
        let list = app.client.get(app.url(&format!("{base}/v1/actions")));
        let list: Value = list
            .bearer_auth(POWERLESS)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let ids = list["actions"].as_array().unwrap().iter();
        let ids: Vec<&str> = ids.map(|action| action["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 7, "{ids:?}");
        for id in ids {
            for version in ["v1", "v2"] {
                refused(&app, &format!("{base}/{version}/actions/{id}/invoke")).await;
            }
        }
    }
}

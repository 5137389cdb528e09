//! What an operator limited a token to: the refusal comes before Spacelift is asked for anything.

use serde_json::json;

use super::{STACKS, read, refusal};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    spacelift::{FakeSpacelift, listed, triggered},
};

const TRIGGER: &str = "/api/spacelift-io/stacks/a/trigger";

/// Stagedoor whose static token is limited so.
async fn limited(fake: &FakeSpacelift, limits: &str) -> TestApp {
    let entry = "subject: tests }\n";
    let restricted = format!("{entry}        accessRestrictions: [{{ plugin: spacelift-io, {limits} }}]\n");
    let config = fake.app_config("timeout: 1s");
    assert!(config.contains(entry));
    TestApp::start(&config.replace(entry, &restricted)).await
}

#[tokio::test]
async fn a_token_that_may_only_read_starts_no_run() {
    for limits in [
        "permission: spacelift.stack.read",
        "permissionAttribute: { action: read }",
        "permission: [spacelift.stack.read, spacelift.run.trigger], permissionAttribute: { action: [read] }",
    ] {
        let fake = FakeSpacelift::start().await;
        let app = limited(&fake, limits).await;
        let (status, text) = refusal(app.post(TRIGGER).await).await;
        assert!(
            status == 403 && text.contains("'spacelift.run.trigger'"),
            "{limits}: {status} {text}"
        );
        fake.expect_login().expect("ListStacks", listed(json!([])));
        assert_eq!(read(app.get(STACKS).await).await, (200, "[]".to_owned()));
    }
}

#[tokio::test]
async fn a_token_that_may_only_trigger_sees_no_list_not_even_a_304() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", triggered("run"));
    let app = limited(&fake, "permission: spacelift.run.trigger").await;
    let asked = app.client.get(app.url(STACKS)).bearer_auth(STATIC_TOKEN);
    let (status, text) = refusal(asked.header("if-none-match", "*").send().await.unwrap()).await;
    assert!(status == 403 && text.contains("'spacelift.stack.read'"), "{text}");
    assert_eq!(app.post(TRIGGER).await.status(), 200);
}

#[tokio::test]
async fn a_token_limited_to_the_plugin_alone_may_do_everything_in_it() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(json!([])))
        .expect("TriggerRun", triggered("run"));
    let app = limited(&fake, "").await;
    assert_eq!(app.get(STACKS).await.status(), 200);
    assert_eq!(app.post(TRIGGER).await.status(), 200);
}

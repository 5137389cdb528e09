//! What is remembered of a verdict, and for how long.

use std::fs;

use serde_json::json;

use super::{JANE, Portal, token_of};
use crate::support::spacelift::{FakeSpacelift, listed, triggered};

const STACKS: &str = "/api/spacelift-io/stacks";
const TRIGGER: &str = "/api/spacelift-io/stacks/a/trigger";

async fn portal(fake: &FakeSpacelift, ttl: &str) -> Portal {
    let ours = format!("cacheTtl: {ttl}");
    let section = fake.section("timeout: 1s, cacheTtl: 0s");
    let section = section.replace("stagedoor:", &format!("stagedoor:\n  permission: {{ {ours} }}"));
    Portal::start(&section).await
}

#[tokio::test]
async fn a_verdict_about_reading_serves_for_the_configured_time_and_for_the_same_user_alone() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login();
    for _ in 0..3 {
        fake.expect("ListStacks", listed(json!([])));
    }
    let portal = portal(&fake, "1m").await;
    let jane = token_of(JANE);
    portal.get(&jane, STACKS).await;
    portal.policy.deny(JANE, "spacelift.stack.read");
    assert_eq!(portal.get(&jane, STACKS).await.0, 200);
    assert_eq!(portal.policy.questions().len(), 1);
    assert_eq!(portal.get(&token_of("user:default/ann"), STACKS).await.0, 200);
    assert_eq!(portal.policy.questions().len(), 1);
}

#[tokio::test]
async fn a_denial_is_remembered_as_well() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake, "1m").await;
    portal.policy.deny(JANE, "spacelift.stack.read");
    let jane = token_of(JANE);
    for _ in 0..2 {
        assert_eq!(portal.get(&jane, STACKS).await.0, 403);
    }
    assert_eq!(portal.policy.questions().len(), 1);
}

#[tokio::test]
async fn without_that_time_each_read_is_asked_about() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake, "0s").await;
    let jane = token_of(JANE);
    assert_eq!(portal.get(&jane, STACKS).await.0, 200);
    portal.policy.deny(JANE, "spacelift.stack.read");
    assert_eq!(portal.get(&jane, STACKS).await.0, 403);
    assert_eq!(portal.policy.questions().len(), 2);
}

#[tokio::test]
async fn a_verdict_about_writing_is_never_remembered() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", triggered("run"));
    let portal = portal(&fake, "1m").await;
    let jane = token_of(JANE);
    assert_eq!(portal.post(&jane, TRIGGER, &json!({})).await.0, 200);
    portal.policy.deny(JANE, "spacelift.run.trigger");
    assert_eq!(portal.post(&jane, TRIGGER, &json!({})).await.0, 403);
}

#[tokio::test]
async fn both_keys_follow_a_reload() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake, "1m").await;
    portal.policy.deny(JANE, "spacelift.stack.read");
    let jane = token_of(JANE);
    assert_eq!(portal.get(&jane, STACKS).await.0, 403);
    let file = portal.app.folder.path().join("app-config.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("permission: { enabled: true }", "permission: { enabled: false }"),
    )
    .unwrap();
    let mut last = (0, String::new());
    for _ in 0..400 {
        last = portal.get(&jane, STACKS).await;
        if last.0 != 403 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(last.0, 200, "{last:?}");
}

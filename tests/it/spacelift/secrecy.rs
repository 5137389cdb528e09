//! No secret in any log: everything is written down at trace level and searched for the canaries.

use serde_json::json;

use super::{STACKS, portal};
use crate::support::{
    log::Remembered,
    spacelift::{CANARY_QUOTE, FakeSpacelift, Reply, error, listed, stack, triggered},
};

#[tokio::test]
async fn no_secret_is_logged_at_trace_level_by_good_and_bad_answers() {
    let (log, _listening) = Remembered::listen();
    for answer in [
        error(CANARY_QUOTE),
        Reply::Close,
        Reply::CloseMidBody,
        listed(json!([stack("a")])),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("ListStacks", answer)
            .expect("TriggerRun", triggered("run-1"));
        let app = portal(&fake).await;
        app.get(STACKS).await;
        assert_eq!(app.post("/api/spacelift-io/stacks/a/trigger").await.status(), 200);
    }
    let text = log.text();
    assert!(text.contains("Triggered run run-1 on stack a") && text.contains("principal=\"tests\""));
    assert!(
        !text.contains("canary"),
        "{:?}",
        text.lines().find(|line| line.contains("canary"))
    );
}

//! The portal's permission policy, which Stagedoor asks in the person's name with a token of its own.

use serde_json::{Value, json};

use super::{
    document::{self, Shape},
    people,
    platform::InGit,
    running::Portal,
};
use crate::support::app::client;

/// Whom the policy of the tests denies to start a run.
const DENIED: &str = "onlooker";

/// The one whom the policy denies the trigger is refused it, on the page and in a Template; nobody else is.
pub(super) async fn one_user_is_denied(portal: &Portal) {
    let onlooker = portal.sign_in(DENIED).await;
    let stacks = client()
        .get(portal.url("/api/spacelift-io/stacks"))
        .bearer_auth(&onlooker);
    assert_eq!(people::json(stacks).await.as_array().unwrap().len(), 12);
    let url = portal.url("/api/spacelift-io/stacks/staging-identity/trigger");
    let refused = client().post(&url).bearer_auth(&onlooker).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let body: Value = refused.json().await.unwrap();
    let said = body["error"].as_str().unwrap();
    assert!(said.contains("'spacelift.run.trigger'"), "{said}");
    let task = portal
        .run_as(&onlooker, "trigger", json!({ "stack": "staging-identity" }))
        .await;
    assert_eq!(task.failure(), format!("Request failed with 403 {said}"));
    assert_eq!(
        task.failure(),
        document::task_page("the portal's policy denies it")
    );
    assert_eq!(portal.spacelift.counters().triggers(), 0);

    let jane = portal.sign_in("jane").await;
    let run = people::json(client().post(&url).bearer_auth(&jane)).await;
    assert!(run["id"].is_string(), "{run}");
    assert_eq!(portal.spacelift.counters().triggers(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_denies_one_user_the_trigger_is_obeyed_for_that_user_alone() {
    let portal = Portal::open(Shape::Alongside, &InGit::open().await).await;
    one_user_is_denied(&portal).await;
}

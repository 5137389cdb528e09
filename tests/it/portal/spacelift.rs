//! Runs of Spacelift, started from a Template of a real backend and from a page.

use serde_json::{Value, json};

use super::{document::Shape, people, platform::InGit, running::Portal};
use crate::support::app::client;

/// A stack at rest whose runs go through by themselves.
const DEPLOYS: &str = "development-network";

/// A stack whose runs wait for a person.
const ASKS: &str = "production-network";

/// A stack whose runs fail.
const FAILS: &str = "staging-cluster";

/// What a step tells of its run that ended as `FAILED`.
const FAILED: &str = "ended as FAILED on stack 'staging-cluster'; look at ";

/// Runs go from a Template to their end, and the task page says which.
pub(super) async fn from_a_template(portal: &Portal) {
    let task = portal.run("rollout", json!({ "stack": DEPLOYS })).await;
    let output = task.output();
    assert_eq!(output["text"][0]["content"], "FINISHED", "{output}");
    let link = output["links"][0]["url"].as_str().unwrap();
    let run = &portal.spacelift.stack(DEPLOYS).unwrap().runs;
    let run = run.iter().find(|run| link.ends_with(&run.id));
    assert!(run.is_some(), "{link} leads to a run");
    let task = portal.run("rollout", json!({ "stack": ASKS })).await;
    assert_eq!(
        task.output()["text"][0]["content"],
        "UNCONFIRMED",
        "an unconfirmed run is not waited for"
    );
    let failure = portal.run("rollout", json!({ "stack": FAILS })).await.failure();
    assert!(failure.contains("409") && failure.contains(FAILED), "{failure}");
}

/// The page lists and triggers with a person's own token.
pub(super) async fn from_a_page(portal: &Portal) {
    let stacks = portal.get("/api/spacelift-io/stacks").await;
    assert_eq!(stacks.as_array().unwrap().len(), 12);
    let jane = portal.sign_in("jane").await;
    let trigger = portal.url("/api/spacelift-io/stacks/staging-network/trigger");
    let run: Value = people::json(client().post(trigger).bearer_auth(jane)).await;
    assert!(run["id"].is_string(), "{run}");
    let asked = portal.spacelift.requests_for("runTrigger");
    let told = &asked.last().unwrap().headers["spacelift-user-provided-run-metadata"];
    assert_eq!(told, "user:default/jane");
}

#[tokio::test(flavor = "multi_thread")]
async fn stacks_are_listed_triggered_and_awaited_with_the_tokens_of_a_real_backend() {
    let portal = Portal::open(Shape::Alongside, &InGit::open().await).await;
    from_a_page(&portal).await;
    from_a_template(&portal).await;
}

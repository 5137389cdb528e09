//! Runs pass through Spacelift's states on simulated time.

use serde_json::json;
use stagedoor::simulator::Outcome;

use super::client::{CONFIRM, Client, DISCARD, TRIGGER, message};

#[tokio::test]
async fn a_triggered_run_passes_through_its_states_until_somebody_must_confirm() {
    let client = Client::logged_in().await;
    let answer = client.on(TRIGGER, "production-network").await;
    assert_eq!(answer["data"]["runTrigger"]["state"], "QUEUED");
    assert_eq!(
        client.state("production-network"),
        "READY",
        "nothing holds the stack"
    );
    for state in [
        "PREPARING",
        "INITIALIZING",
        "PLANNING",
        "UNCONFIRMED",
        "UNCONFIRMED",
    ] {
        client.steps(1);
        assert_eq!(client.state("production-network"), state);
    }
    let answer = client.on(CONFIRM, "production-network").await;
    assert_eq!(answer["data"]["runConfirm"]["state"], "CONFIRMED");
    for state in ["PREPARING_APPLY", "APPLYING", "FINISHED", "FINISHED"] {
        client.steps(1);
        assert_eq!(client.state("production-network"), state);
    }
}

#[tokio::test]
async fn runs_end_as_the_stack_is_told() {
    let client = Client::logged_in().await;
    for (outcome, state) in [
        (Outcome::Unchanged, "FINISHED"),
        (Outcome::Autodeploys, "FINISHED"),
        (Outcome::FailsPlanning, "FAILED"),
    ] {
        client
            .simulator
            .update_stack("production-network", |stack| stack.outcome = outcome);
        client.on(TRIGGER, "production-network").await;
        client.steps(10);
        assert_eq!(client.state("production-network"), state, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_run_on_a_busy_stack_waits_for_the_one_before_it() {
    let client = Client::logged_in().await;
    client.on(TRIGGER, "production-network").await;
    let second = client.on(TRIGGER, "production-network").await["data"]["runTrigger"]["id"].clone();
    client.steps(10);
    assert_eq!(client.state("production-network"), "UNCONFIRMED");
    client.on(DISCARD, "production-network").await;
    assert_eq!(client.state("production-network"), "READY");
    let blocker = client
        .simulator
        .stack("production-network")
        .unwrap()
        .blocker()
        .unwrap()
        .id
        .clone();
    assert_eq!(second, blocker);
}

#[tokio::test]
async fn only_a_waiting_run_can_be_confirmed() {
    let client = Client::logged_in().await;
    let answer = client.on(CONFIRM, "production-monitoring").await;
    assert_eq!(message(&answer), "run is in state APPLYING");
    assert_eq!(
        message(&client.on(CONFIRM, "production-network").await),
        "run not found"
    );
}

#[tokio::test]
async fn the_history_of_a_run_is_newest_first() {
    let client = Client::logged_in().await;
    client.on(TRIGGER, "production-network").await;
    client.steps(1);
    let query = "query R($id: ID!) { stack(id: $id) { runs { triggeredBy history { state terminal } } } }";
    let answer = client.ask(query, json!({"id": "production-network"})).await;
    let newest = &answer["data"]["stack"]["runs"][0];
    assert_eq!(newest["triggeredBy"], "api::01JSIMULATEDKEY00000000000");
    let states: Vec<_> = newest["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["state"])
        .collect();
    assert_eq!(states, ["PREPARING", "READY", "QUEUED"]);
}

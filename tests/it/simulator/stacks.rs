//! What is told about stacks.

use serde_json::json;
use stagedoor::simulator::generate_stacks;

use super::client::{Client, ONE, TRIGGER, message};

#[tokio::test]
async fn the_list_shows_every_field_of_a_stack() {
    let client = Client::logged_in().await;
    let answer = client.list().await;
    assert_eq!(answer["data"]["stacks"].as_array().unwrap().len(), 12);
    assert_eq!(
        answer["data"]["stacks"][0],
        json!({
            "id": "production-network",
            "name": "production / network",
            "description": "network of production in eu-west-1",
            "labels": ["env:production", "layer:network", "region:eu-west-1", "team:platform"],
            "state": "FINISHED",
            "branch": "main",
            "spaceDetails": {"id": "production-01H8ZC2V7R", "name": "production"},
        })
    );
}

#[tokio::test]
async fn an_unknown_or_invisible_stack_is_null() {
    let client = Client::logged_in().await;
    client
        .simulator
        .update_stack("production-network", |stack| stack.visible = false);
    for id in ["production-network", "no-such-stack"] {
        assert_eq!(
            client.ask(ONE, json!({"id": id})).await,
            json!({"data": {"stack": null}})
        );
        assert_eq!(message(&client.on(TRIGGER, id).await), "stack not found");
    }
    assert_eq!(
        client.list().await["data"]["stacks"].as_array().unwrap().len(),
        11
    );
}

#[tokio::test]
async fn a_stack_that_takes_no_runs_says_so_and_shows_why() {
    let client = Client::logged_in().await;
    let simulator = &client.simulator;
    simulator.lock_stack("production-network", "jo@example.com");
    simulator.update_stack("production-cluster", |stack| stack.is_disabled = true);
    simulator.update_stack("staging-network", |stack| stack.can_write = false);
    for (id, text) in [
        ("production-network", "stack is locked by another user"),
        ("production-cluster", "stack is disabled"),
        ("staging-network", "unauthorized"),
    ] {
        assert_eq!(message(&client.on(TRIGGER, id).await), text);
    }
    let locked = client.ask(ONE, json!({"id": "production-network"})).await["data"]["stack"].clone();
    assert_eq!(locked["lockedBy"], "jo@example.com");
    assert!(locked["lockedAt"].is_i64());
    let disabled = client.ask(ONE, json!({"id": "production-cluster"})).await;
    assert_eq!(disabled["data"]["stack"]["isDisabled"], true);
}

#[tokio::test]
async fn a_state_no_client_knows_is_shown_like_any_other() {
    let client = Client::logged_in().await;
    assert!(client.simulator.set_stack_state("production-network", "MELTING"));
    assert_eq!(client.list().await["data"]["stacks"][0]["state"], "MELTING");
    assert!(
        !client
            .simulator
            .set_stack_state("production-network", "not a name")
    );
}

#[tokio::test]
async fn generated_stacks_are_always_the_same() {
    let ids = |count| {
        generate_stacks(count)
            .into_iter()
            .map(|stack| stack.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(200), ids(200));
    assert_eq!(ids(200).len(), 200);
    assert_eq!(ids(200)[7], "sandbox-database-eu-central-1-00007");
    let client = Client::logged_in().await;
    client.simulator.set_stacks(generate_stacks(200));
    assert_eq!(
        client.list().await["data"]["stacks"].as_array().unwrap().len(),
        200
    );
}

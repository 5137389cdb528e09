//! Logins and what a dead session sees.

use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::simulator::WrongKeyAnswer;

use super::client::{Client, TRIGGER, message};

#[tokio::test]
async fn a_login_gives_a_three_part_token_and_its_expiry() {
    let client = Client::start().await;
    let user = client.login_answer("simulated-secret").await["data"]["apiKeyUser"].clone();
    assert_eq!(user["jwt"].as_str().unwrap().split('.').count(), 3);
    assert!(user["validUntil"].as_i64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn a_wrong_key_gives_null_or_an_error_as_told() {
    let client = Client::start().await;
    assert_eq!(
        client.login_answer("wrong").await,
        json!({"data": {"apiKeyUser": null}})
    );
    let refusal = WrongKeyAnswer::Error("invalid API key".to_owned());
    client.simulator.answer_wrong_keys_with(refusal);
    let answer = client.login_answer("wrong").await;
    assert_eq!(message(&answer), "invalid API key");
    assert_eq!(answer["data"], json!({"apiKeyUser": null}));
}

#[tokio::test]
async fn without_a_live_session_the_list_is_empty_and_the_viewer_null() {
    let mut client = Client::start().await;
    let nobody = json!({"data": {"viewer": null, "stacks": []}});
    assert_eq!(client.list().await, nobody, "never logged in");
    client.log_in().await;
    client.simulator.revoke_tokens();
    assert_eq!(client.list().await, nobody, "revoked");
    client.log_in().await;
    client.simulator.advance(Duration::from_secs(3600));
    assert_eq!(client.list().await, nobody, "expired");
    client.log_in().await;
    client.simulator.revoke_key(true);
    assert_eq!(client.list().await, nobody, "key revoked");
}

#[tokio::test]
async fn without_a_live_session_a_mutation_is_unauthorized() {
    let client = Client::logged_in().await;
    client.simulator.revoke_tokens();
    let answer = client.on(TRIGGER, "production-network").await;
    assert_eq!(message(&answer), "unauthorized");
    assert_eq!(answer["errors"][0]["path"], json!(["runTrigger"]));
    assert_eq!(answer["data"], json!({"runTrigger": null}));
    assert_eq!(client.state("production-network"), "FINISHED");
}

#[tokio::test]
async fn a_skewed_clock_changes_what_is_told_and_not_what_holds() {
    let client = Client::start().await;
    let told = |answer: Value| answer["data"]["apiKeyUser"]["validUntil"].as_i64().unwrap();
    let right = told(client.login_answer("simulated-secret").await);
    client.simulator.skew_valid_until(-7200);
    assert_eq!(told(client.login_answer("simulated-secret").await), right - 7200);
}

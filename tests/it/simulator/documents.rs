//! Documents are checked to the letter, and calls are counted.

use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::simulator::SimulatorSettings;

use super::client::{Client, TRIGGER, message};

#[tokio::test]
async fn a_typo_in_a_document_is_refused_without_data() {
    let client = Client::logged_in().await;
    for document in [
        "{ stacks { id nmae } }",
        "{ stack(slug: \"x\") { id } }",
        "query Q($id: Id!) { stack(id: $id) { id } }",
        "{ stacks { id } ",
        "query GetStacks () { stacks { id } }",
        "query Q($unused: ID) { stacks { id } }",
    ] {
        let answer = client.ask(document, json!({})).await;
        assert_ne!(message(&answer), "", "{document}");
        assert!(answer.get("data").is_none(), "{document}: {answer}");
    }
    assert_eq!(client.simulator.counters().refused_documents, 6);
}

#[tokio::test]
async fn a_variable_of_the_wrong_type_is_refused() {
    let client = Client::logged_in().await;
    let answer = client.ask(TRIGGER, json!({"stack": {"id": 1}})).await;
    assert_ne!(message(&answer), "");
    assert_eq!(
        client.simulator.stack("production-network").unwrap().runs.len(),
        1
    );
}

#[tokio::test]
async fn empty_parentheses_are_accepted_only_when_told() {
    let settings = SimulatorSettings {
        accept_empty_parentheses: true,
        ..SimulatorSettings::default()
    };
    let mut client = Client::start_with(settings).await;
    client.log_in().await;
    let answer = client
        .ask("query GetStacks () { stacks { id } }", json!({}))
        .await;
    assert_eq!(answer["data"]["stacks"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn what_is_no_graphql_request_is_refused_in_plain_text() {
    let client = Client::start().await;
    let url = client.simulator.url();
    let post = |body: &'static str| client.http.post(format!("{url}/graphql")).body(body).send();
    for body in ["", "[]", "{\"query\":", "{\"variables\":{}}"] {
        let response = post(body).await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    }
    assert_eq!(
        client
            .http
            .get(format!("{url}/graphql"))
            .send()
            .await
            .unwrap()
            .status(),
        405
    );
    assert_eq!(
        client
            .http
            .get(format!("{url}/other"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}
#[tokio::test]
async fn calls_are_counted_and_remembered_without_secrets() {
    let client = Client::logged_in().await;
    client.list().await;
    client.on(TRIGGER, "production-network").await;
    let counters = client.simulator.counters();
    assert_eq!(
        (counters.logins(), counters.lists(), counters.triggers()),
        (1, 1, 1)
    );
    let trigger = client.simulator.requests_for("runTrigger").remove(0);
    assert_eq!(
        trigger.headers["spacelift-user-provided-run-metadata"],
        "user:default/jo"
    );
    assert_eq!(trigger.variables, json!({"stack": "production-network"}));
    let run = client
        .simulator
        .stack("production-network")
        .unwrap()
        .runs
        .pop()
        .unwrap();
    assert_eq!(run.metadata.as_deref(), Some("user:default/jo"));
    assert_eq!(
        client.simulator.requests_for("apiKeyUser")[0].variables,
        Value::Null
    );
    client.simulator.reset_counters();
    assert_eq!(client.simulator.counters().lists(), 0);
}

#[tokio::test]
async fn simultaneous_requests_are_seen_as_such() {
    let client = Client::logged_in().await;
    client.simulator.set_latency(Duration::from_millis(200));
    futures_util::join!(client.list(), client.list(), client.list());
    assert_eq!(client.simulator.counters().max_concurrent, 3);
}

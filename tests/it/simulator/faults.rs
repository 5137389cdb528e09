//! Faults on demand.

use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::simulator::{Fault, Target};

use super::client::{Client, LIST, TRIGGER, message};

#[tokio::test]
async fn a_fault_meets_its_target_so_often_and_no_more() {
    let client = Client::logged_in().await;
    client.simulator.fail(Target::LIST, 2, Fault::html(503));
    for _ in 0..2 {
        let response = client.send(LIST, json!({})).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "text/html");
    }
    assert_eq!(
        client.list().await["data"]["stacks"].as_array().unwrap().len(),
        12
    );
    client
        .simulator
        .always_fail(Target::Any, Fault::json(500, "upstream exploded"));
    assert_eq!(client.send(LIST, json!({})).await.unwrap().status(), 500);
    client.simulator.clear_faults();
    client.list().await;
}

#[tokio::test]
async fn a_rate_limit_looks_like_the_servers_own() {
    let client = Client::logged_in().await;
    let retry_after = Some("7".to_owned());
    client
        .simulator
        .fail(Target::LIST, 1, Fault::RateLimited { retry_after });
    client
        .simulator
        .fail(Target::LIST, 1, Fault::RateLimited { retry_after: None });
    let limited = client.send(LIST, json!({})).await.unwrap();
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "7");
    assert!(limited.text().await.unwrap().contains("rate limit exceeded"));
    let limited = client.send(LIST, json!({})).await.unwrap();
    assert!(!limited.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn errors_can_come_with_status_200() {
    let client = Client::logged_in().await;
    client.simulator.fail(Target::TRIGGER, 1, Fault::unauthorized());
    let answer = client.on(TRIGGER, "production-network").await;
    assert_eq!(message(&answer), "unauthorized");
    assert_eq!(answer["data"], json!({"runTrigger": null}));
    assert_eq!(
        client.state("production-network"),
        "FINISHED",
        "a refused trigger starts nothing"
    );
    let message = "one space was skipped".to_owned();
    client
        .simulator
        .fail(Target::LIST, 1, Fault::PartialData { message });
    let answer = client.list().await;
    assert_eq!(answer["errors"][0]["message"], "one space was skipped");
    assert_eq!(answer["data"]["stacks"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_broken_answer_is_broken_in_the_way_asked_for() {
    let client = Client::logged_in().await;
    client.simulator.fail(Target::LIST, 1, Fault::CutJson);
    let text = client.send(LIST, json!({})).await.unwrap().text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err());
    client.simulator.fail(Target::LIST, 1, Fault::CloseMidBody);
    let response = client.send(LIST, json!({})).await.unwrap();
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_lost_answer_does_not_undo_the_trigger() {
    let client = Client::logged_in().await;
    client.simulator.fail(Target::TRIGGER, 1, Fault::Close);
    let variables = json!({"stack": "production-network"});
    assert!(client.send(TRIGGER, variables).await.is_err());
    assert_eq!(client.state("production-network"), "READY");
    assert_eq!(client.simulator.counters().triggers(), 1);
}

#[tokio::test]
async fn a_hanging_call_never_answers_and_holds_up_nobody_else() {
    let client = Client::logged_in().await;
    client.simulator.fail(Target::TRIGGER, 1, Fault::Hang);
    let hanging = client.on(TRIGGER, "production-network");
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, hanging).await.is_err());
    client.list().await;
}

#[tokio::test]
async fn a_stopped_simulator_is_down() {
    let client = Client::logged_in().await;
    client.simulator.always_fail(Target::LIST, Fault::Hang);
    let request = client.send(LIST, json!({}));
    let stop = async { client.simulator.stop() };
    let (answer, ()) = futures_util::join!(request, stop);
    assert!(answer.is_err());
    assert!(client.send(LIST, json!({})).await.is_err());
}

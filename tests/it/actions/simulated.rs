//! A run from its trigger to its end, by actions alone, against the simulator, which judges every document.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use stagedoor::simulator::{Simulator, SimulatorSettings};

use super::spacelift::invoke;
use crate::support::{
    app::{TestApp, backend_section},
    simulator,
    spacelift::{API_KEY, API_SECRET},
};

const STACK: &str = "production-network";

async fn start() -> (Simulator, TestApp) {
    let settings = SimulatorSettings {
        api_key: API_KEY.to_owned(),
        api_secret: SecretString::from(API_SECRET),
        ..SimulatorSettings::default()
    };
    let simulator = simulator::start(settings).await;
    let config = format!(
        "{}spacelift: {{ hostUrl: '{}', apiKey: {API_KEY}, apiSecret: {API_SECRET} }}\n",
        backend_section(),
        simulator.url()
    );
    let app = TestApp::start(&config).await;
    (simulator, app)
}

async fn done(app: &TestApp, action: &str, input: Value) -> Value {
    let (status, body) = invoke(app, action, &input).await;
    assert_eq!(status, 200, "{action}: {body}");
    body["output"].clone()
}

#[tokio::test]
async fn a_run_is_triggered_awaited_confirmed_and_finished_by_name() {
    let (simulator, app) = start().await;
    let run = done(&app, "trigger-run", json!({"stackId": STACK})).await;
    let named = json!({"stackId": STACK, "runId": run["id"]});
    simulator.advance(Duration::from_secs(3600));
    let waited = done(&app, "wait-for-run", named.clone()).await;
    assert_eq!(
        (&waited["state"], &waited["needsDecision"]),
        (&json!("UNCONFIRMED"), &json!(true))
    );
    assert_eq!(
        done(&app, "get-stack", json!({"stackId": STACK})).await["state"],
        "UNCONFIRMED"
    );
    let confirmed = done(&app, "confirm-run", named.clone()).await;
    assert_eq!(confirmed["state"], "CONFIRMED");
    simulator.advance(Duration::from_secs(3600));
    let waited = done(&app, "wait-for-run", named.clone()).await;
    assert_eq!(
        (&waited["state"], &waited["succeeded"]),
        (&json!("FINISHED"), &json!(true))
    );
    let (status, body) = invoke(&app, "discard-run", &named).await;
    assert!(
        status == 409
            && body["error"]["message"]
                .as_str()
                .unwrap()
                .contains("in state FINISHED"),
        "{body}"
    );
    assert_eq!(simulator.counters().refused_documents, 0);
}

#[tokio::test]
async fn a_discarded_run_is_over_and_did_not_succeed() {
    let (simulator, app) = start().await;
    let run = done(&app, "trigger-run", json!({"stackId": STACK})).await;
    let named = json!({"stackId": STACK, "runId": run["id"]});
    simulator.advance(Duration::from_secs(3600));
    done(&app, "discard-run", named.clone()).await;
    let run = done(&app, "get-run", named).await;
    assert_eq!(
        (&run["state"], &run["finished"], &run["succeeded"]),
        (&json!("DISCARDED"), &json!(true), &json!(false))
    );
}

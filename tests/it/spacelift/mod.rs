//! The plugin `spacelift-io` from the portal's request to Spacelift's answer and back.

mod check;
mod credentials;
mod faults;
mod manners;
mod restrictions;
mod schema;
mod secrecy;
mod simulated;
mod stacks;
mod tls;
mod trigger;

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    app::{TestApp, client},
    spacelift::FakeSpacelift,
};

const STACKS: &str = "/api/spacelift-io/stacks";

/// Stagedoor before this fake; it waits one second for answers.
async fn portal(fake: &FakeSpacelift) -> TestApp {
    TestApp::start(&fake.app_config("timeout: 1s")).await
}

/// The status and the body as text.
async fn read(response: reqwest::Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The status and the body's `error`, which must be text and must hold no secret.
async fn refusal(response: reqwest::Response) -> (u16, String) {
    let (status, text) = read(response).await;
    assert!(!text.contains("canary"), "a secret came out: {text}");
    let body: Value = serde_json::from_str(&text).expect("the body is JSON");
    (
        status,
        body["error"].as_str().expect("the error is text").to_owned(),
    )
}

/// Asks until the body holds the text; false when it never does. For effects that no answer announces.
async fn until_body(app: &TestApp, path: &str, holds: &str) -> bool {
    for _ in 0..200 {
        if read(app.get(path).await).await.1.contains(holds) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

/// Lets this much time pass at once, for Stagedoor too. The caller's idle connections do not outlive it.
async fn pass(app: &mut TestApp, seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
    app.client = client();
}

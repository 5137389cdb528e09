//! What the Node plugin answers before it looks at Spacelift: open paths, bodies nobody reads, other methods.

use reqwest::{Method, RequestBuilder};

use super::{portal, read, refusal};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    spacelift::{FakeSpacelift, triggered},
};

const TRIGGER: &str = "/stacks/a/trigger";

fn ask(app: &TestApp, method: Method, path: &str) -> RequestBuilder {
    app.client
        .request(method, app.url(&format!("/api/spacelift-io{path}")))
}

async fn status(request: RequestBuilder) -> u16 {
    read(request.send().await.unwrap()).await.0
}

#[tokio::test]
async fn health_is_open_also_with_a_wrong_token_and_so_is_all_below_it() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    let wrong = ask(&app, Method::GET, "/health").bearer_auth("wrong-wrong-wrong");
    assert_eq!(status(wrong).await, 200);
    assert_eq!(status(ask(&app, Method::GET, "/health/x")).await, 404);
    assert_eq!(status(ask(&app, Method::GET, "/healthz")).await, 401);
}

#[tokio::test]
async fn options_is_behind_the_door() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    for path in ["/stacks", TRIGGER, "/nope"] {
        assert_eq!(status(ask(&app, Method::OPTIONS, path)).await, 401, "{path}");
    }
}

#[tokio::test]
async fn read_only_is_said_after_credentials_and_body_were_looked_at() {
    let fake = FakeSpacelift::start().await;
    let config = fake.app_config("").replace("apiKey:", "readOnly: true, apiKey:");
    let app = TestApp::start(&config).await;
    assert_eq!(status(ask(&app, Method::POST, TRIGGER)).await, 401);
    let with_body = |body: &'static str| {
        ask(&app, Method::POST, TRIGGER)
            .bearer_auth(STATIC_TOKEN)
            .header("content-type", "application/json")
            .body(body)
    };
    assert_eq!(status(with_body(r#"{"a":"#)).await, 400);
    assert_eq!(refusal(with_body("{}").send().await.unwrap()).await.0, 403);
}

#[tokio::test]
async fn the_body_of_a_trigger_is_ignored() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", triggered("run"));
    let app = portal(&fake).await;
    let request = ask(&app, Method::POST, TRIGGER)
        .bearer_auth(STATIC_TOKEN)
        .header("content-type", "application/json")
        .body(r#"{"stack":"other","runType":"DESTROY"}"#);
    assert_eq!(status(request).await, 200);
    assert_eq!(
        fake.last("TriggerRun").body["variables"],
        serde_json::json!({"stack": "a"})
    );
}

//! What stands in front of every plugin: paths, sections that are missing, health, the start and the end.

use axum::extract::Path;
use serde_json::{Value, json};
use stagedoor::{
    backstage::{
        BackendBuilder, BackendPlugin, Check, InitError, Plugin, PluginEnv, actions::Actions,
        permission::Permissions, routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

use crate::support::app::{TestApp, backend_section, client};

/// A permit for every slow request that has arrived, and one for every slow request that may be answered.
static ARRIVED: Semaphore = Semaphore::const_new(0);
static MAY_ANSWER: Semaphore = Semaphore::const_new(0);

/// A plugin that echoes, for looking at what the mount does.
struct Echo;

impl BackendPlugin for Echo {
    const ID: &'static str = "echo";
    const CONFIG_SECTION: &'static str = "echo";
    type Config = ();

    fn config(reader: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        let problems = [
            reader.optional_number("echo.number").err(),
            reader.optional_string("echo.text").err(),
        ];
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        let routes = Routes::new()
            .get("/things/{id}", |Path(id): Path<String>| async move { id })
            .post("/things", |body: String| async move { body })
            .get("/panic", || async { panic!("a bug") as () })
            .get("/slow", || async {
                ARRIVED.add_permits(1);
                MAY_ANSWER.acquire().await.unwrap().forget();
                "done"
            });
        Ok(Plugin {
            routes,
            auth_policies: Vec::new(),
            actions: Actions::new(),
            permissions: Permissions::new(Self::ID, &env, &[]),
        })
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

fn echo(backend: BackendBuilder) -> BackendBuilder {
    backend.add::<Echo>()
}

async fn app() -> TestApp {
    TestApp::start_with(&format!("{}echo: {{}}\n", backend_section()), echo).await
}

#[tokio::test]
async fn a_plugin_is_found_whatever_the_case_and_the_slashes_and_parameters_arrive_decoded() {
    let app = app().await;
    for path in [
        "/api/echo/things/a%2Fb",
        "/API/Echo/THINGS/a%2Fb",
        "//api//echo//things/a%2Fb/?x=1",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.text().await.unwrap(), "a/b", "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_asks_for_credentials_first_and_is_then_a_json_404() {
    let app = app().await;
    let anonymous = app.client.get(app.url("/api/echo/nope")).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let known = app.get("/api/echo/nope?x=1").await;
    assert_eq!(known.status(), 404);
    let body: Value = known.json().await.unwrap();
    assert_eq!(body["error"]["name"], "NotFoundError");
    assert_eq!(body["request"], json!({"method": "GET", "url": "/nope?x=1"}));
}

#[tokio::test]
async fn a_wrong_method_is_a_404_and_options_tells_the_methods() {
    let app = app().await;
    assert_eq!(app.post("/api/echo/things/x").await.status(), 404);
    let options = app
        .client
        .request(reqwest::Method::OPTIONS, app.url("/api/echo/things/x"));
    let options = options
        .bearer_auth(crate::support::app::STATIC_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(options.status(), 200);
    assert_eq!(options.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn an_unknown_plugin_and_the_root_are_an_empty_404_without_asking_for_credentials() {
    let app = app().await;
    for path in [
        "/",
        "/api/other/x",
        "/api",
        "/api/echoes",
        "/.backstage/health/v1/other",
    ] {
        let answer = app.client.get(app.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.text().await.unwrap(), "", "{path}");
    }
}

#[tokio::test]
async fn without_its_section_a_plugin_answers_501_naming_it_but_only_to_known_callers() {
    let app = TestApp::start_with(&backend_section(), echo).await;
    let anonymous = app
        .client
        .get(app.url("/api/echo/things/x"))
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), 401);
    let known = app.get("/api/echo/things/x").await;
    assert_eq!(known.status(), 501);
    let body: Value = known.json().await.unwrap();
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no 'echo' section"),
        "{body}"
    );
}

#[tokio::test]
async fn every_problem_of_every_section_is_reported_at_once_with_its_key_and_never_its_value() {
    let broken = "backend:\n  baseUrl: http://localhost:7007\n  listen: no-such-thing:x\n\
                  echo:\n  number: not-a-number\n  text: [sesame]\n";
    let problems = TestApp::refused(broken, echo).await.join("\n");
    for key in ["echo.number", "echo.text", "backend.listen"] {
        assert!(problems.contains(key), "{key} is missing in:\n{problems}");
    }
    assert!(
        !problems.contains("sesame")
            && !problems.contains("no-such-thing")
            && !problems.contains("not-a-number"),
        "{problems}"
    );
}

#[tokio::test]
async fn a_plugin_may_have_a_rate_limit_of_its_own_and_refuses_in_its_own_shape() {
    let limit =
        "  rateLimit: { global: false, plugin: { echo: { incomingRequestLimit: 1, ipAllowList: [] } } }\n";
    let app = TestApp::start_with(&format!("{}{limit}echo: {{}}\n", backend_section()), echo).await;
    let first = app.get("/api/echo/things/x").await;
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["x-ratelimit-remaining"].as_bytes()
        ),
        (200, &b"0"[..])
    );
    let second = app.get("/api/echo/things/x").await;
    assert_eq!(second.status(), 429);
    assert!(second.headers().contains_key("retry-after"));
    let body: Value = second.json().await.unwrap();
    assert_eq!(
        body["error"]["message"],
        "Too many requests, please try again later"
    );
    let health = app
        .client
        .get(app.url("/.backstage/health/v1/liveness"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        health.status(),
        200,
        "the limit is the plugin's, not the service's"
    );
}

#[tokio::test]
async fn the_public_keys_are_open_and_tagged_even_where_the_section_is_missing() {
    let app = TestApp::start_with(&backend_section(), echo).await;
    let keys = app
        .client
        .get(app.url("/api/echo/.backstage/auth/v1/jwks.json"))
        .send()
        .await
        .unwrap();
    assert_eq!(keys.status(), 200);
    assert_eq!(keys.headers()["etag"], r#"W/"b-J/WeZht0IF2k6V1P3IgtucDH6zY""#);
    assert_eq!(keys.text().await.unwrap(), r#"{"keys":[]}"#);
}

#[tokio::test]
async fn health_is_open_and_knows_the_methods_and_spellings_of_express() {
    let app = app().await;
    for path in [
        "/.backstage/health/v1/readiness",
        "/.Backstage/Health/v1/liveness/",
    ] {
        let answer = app.client.get(app.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.text().await.unwrap(), r#"{"status":"ok"}"#);
    }
    let posted = app
        .client
        .post(app.url("/.backstage/health/v1/readiness"))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 404);
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_500_and_the_service_lives_on() {
    let app = app().await;
    let answer = app.get("/api/echo/panic").await;
    assert_eq!(answer.status(), 500);
    assert!(
        !answer.text().await.unwrap().contains("a bug"),
        "the inside stays inside"
    );
    assert_eq!(app.get("/api/echo/things/x").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_in_flight_are_all_answered_when_the_service_is_told_to_stop() {
    let app = app().await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        let request = client()
            .get(app.url("/api/echo/slow"))
            .bearer_auth(crate::support::app::STATIC_TOKEN);
        answers.push(tokio::spawn(async move {
            request.send().await.unwrap().text().await.unwrap()
        }));
    }
    ARRIVED.acquire_many(100).await.unwrap().forget();
    let stopping = tokio::spawn(app.stop());
    MAY_ANSWER.add_permits(100);
    for answer in answers {
        assert_eq!(answer.await.unwrap(), "done");
    }
    stopping.await.unwrap().unwrap();
}

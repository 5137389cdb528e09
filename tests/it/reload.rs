//! A running service follows its files, and a broken edit changes nothing.

use std::{fs, sync::Arc};

use stagedoor::{
    backstage::{
        BackendBuilder, BackendPlugin, Check, InitError, Plugin, PluginEnv, actions::Actions,
        permission::Permissions, routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
};
use tokio::time::{Instant, sleep};

use crate::support::{
    app::{LIMIT, TestApp, backend_section},
    backstage::{FAR, FakeBackstage, Signer},
};

/// A plugin that tells the number it was last configured with.
struct Told;

impl BackendPlugin for Told {
    const ID: &'static str = "told";
    const CONFIG_SECTION: &'static str = "told";
    const LIVE_KEYS: &'static [&'static str] = &["told.number"];
    type Config = f64;

    fn config(reader: &ConfigReader) -> Result<f64, Vec<ConfigError>> {
        reader.number("told.number").map_err(|problem| vec![problem])
    }

    async fn init(config: Live<f64>, env: PluginEnv) -> Result<Plugin, InitError> {
        let routes = Routes::new().get("/number", move || {
            let number = *config.get();
            async move { number.to_string() }
        });
        Ok(Plugin {
            routes,
            auth_policies: Vec::new(),
            actions: Actions::new(),
            permissions: Permissions::new(Self::ID, &env, &[]),
        })
    }

    async fn check(_: Arc<f64>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

fn told(backend: BackendBuilder) -> BackendBuilder {
    backend.add::<Told>()
}

fn write(app: &TestApp, section: &str) {
    fs::write(
        app.folder.path().join("app-config.yaml"),
        format!("{}{section}", backend_section()),
    )
    .unwrap();
}

/// Asks until the answer is the expected one.
async fn becomes(app: &TestApp, expected: &str) {
    let until = Instant::now() + LIMIT;
    loop {
        let told = app.get("/api/told/number").await.text().await.unwrap();
        if told == expected {
            return;
        }
        assert!(Instant::now() < until, "still {told}, not {expected}");
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_plugin_follows_its_section_and_outlives_broken_and_refused_edits() {
    let app = TestApp::start_with(&format!("{}told: {{ number: 1 }}\n", backend_section()), told).await;
    becomes(&app, "1").await;
    write(&app, "told: { number: 2 }\n");
    becomes(&app, "2").await;
    write(&app, "told: { number: [broken\n");
    write(&app, "told: { number: not-a-number }\n");
    write(&app, "told: { number: 3 }\n");
    becomes(&app, "3").await;
}

#[tokio::test]
async fn keys_of_users_are_looked_for_where_discovery_newly_says() {
    let (empty, issuer) = (FakeBackstage::empty().await, FakeBackstage::with_fixtures().await);
    let discovery = |at: &FakeBackstage| {
        format!(
            "discovery: {{ endpoints: [{{ target: '{}/api/{{{{pluginId}}}}', plugins: [auth] }}] }}\n",
            at.origin
        )
    };
    let section = |at: &FakeBackstage| format!("{}told: {{ number: 1 }}\n", discovery(at));
    let app = TestApp::start_with(&format!("{}{}", backend_section(), section(&empty)), told).await;
    let token = Signer::fixture("user1").user("user:default/guest", FAR);
    let ask = || async {
        app.client
            .get(app.url("/api/told/number"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(ask().await.status(), 401, "signed by nobody the service knows");
    write(&app, &section(&issuer));
    let until = Instant::now() + LIMIT;
    while ask().await.status() != 200 {
        assert!(Instant::now() < until, "the new key document is never asked");
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn where_the_portal_is_stays_until_a_restart_for_calls_as_for_what_is_passed_on() {
    let (issuer, empty) = (FakeBackstage::with_fixtures().await, FakeBackstage::empty().await);
    let config = |portal: &FakeBackstage, number: u8| {
        let backend = backend_section().replace("http://localhost:7007", &portal.origin);
        format!("{backend}told: {{ number: {number} }}\n")
    };
    let app = TestApp::start_with(&config(&issuer, 1), told).await;
    fs::write(app.folder.path().join("app-config.yaml"), config(&empty, 2)).unwrap();
    becomes(&app, "2").await;
    // The first user comes only now, and the keys are still looked for where they were.
    let token = Signer::fixture("user1").user("user:default/guest", FAR);
    let asked = app.client.get(app.url("/api/told/number")).bearer_auth(token);
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

//! A portal with its Stagedoor, as the people who use it see both.

use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::simulator::{Pace, Simulator, SimulatorSettings};
use tempfile::TempDir;
use tokio::{sync::MutexGuard, time::Instant};

use super::{
    document::{FEED_SECRET, Shape},
    home::Home,
    people,
    platform::Platform,
    task::Task,
};
use crate::support::{app::client, binary::Binary, simulator};

/// Generous: beside all the other tests even a small step may take a while.
const LIMIT: Duration = Duration::from_secs(180);

/// How long a run of Spacelift stays in each state it leaves by itself.
const STEP: Duration = Duration::from_millis(100);

/// The running portal; no other test has it meanwhile.
pub(super) struct Portal {
    pub(super) shape: Shape,
    pub(super) home: &'static Home,
    pub(super) spacelift: Simulator,
    /// The guest's.
    pub(super) token: String,
    stagedoor: Option<Binary>,
    _data: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Portal {
    /// Starts a Stagedoor with the document's app-config.
    pub(super) async fn open(shape: Shape, platform: &impl Platform) -> Self {
        Self::configured(shape, platform, "").await
    }

    /// The same with more app-config for Stagedoor.
    pub(super) async fn configured(shape: Shape, platform: &impl Platform, more: &str) -> Self {
        let home = Home::of(shape).await;
        let turn = home.turn.lock().await;
        let settings = SimulatorSettings {
            pace: Pace::Automatic { new_run_every: None },
            step: STEP,
            ..SimulatorSettings::default()
        };
        let spacelift = simulator::start(settings).await;
        let data = tempfile::tempdir().unwrap();
        // Two files, since both may have a say in the same section.
        let overlays =
            [("platform.yaml", platform.overlay(shape)), ("more.yaml", more)].map(|(name, text)| {
                let file = data.path().join(name);
                std::fs::write(&file, text).unwrap();
                format!("--config={}", file.display())
            });
        let arguments = ["serve", "--config=app-config.yaml", &overlays[0], &overlays[1]];
        let mut environment = platform.environment();
        environment.extend(ours(&spacelift, &data));
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let stagedoor = Binary::start(&home.folder, &arguments, &environment);
        let mut portal = Self {
            shape,
            home,
            spacelift,
            token: String::new(),
            stagedoor: Some(stagedoor),
            _data: data,
            _turn: turn,
        };
        portal.until_ready().await;
        portal
    }

    async fn until_ready(&mut self) {
        let stagedoor = self.stagedoor.take().unwrap();
        let listening = tokio::task::spawn_blocking(move || (stagedoor.base(), stagedoor));
        let (_, stagedoor) = listening.await.unwrap();
        self.stagedoor = Some(stagedoor);
        self.token = people::guest(self.address("auth")).await;
        // The catalog reads its locations a moment after it is ready, and the backend may still hold a connection to
        // the Stagedoor of the test before.
        self.until("/api/catalog/entities/by-name/template/default/trigger", |_| true)
            .await;
        let knows_us = |actions: &Value| {
            let ids = actions.as_array().unwrap();
            let knows = |id: &str| ids.iter().any(|action| action["id"] == id);
            knows("ske:configure-resource") && knows("spacelift-io:trigger-run")
        };
        self.until("/api/scaffolder/v2/actions", knows_us).await;
    }

    /// Signs in somebody with a name. As from a proxy that the backend trusts, so straight to the backend: Stagedoor
    /// passes nobody's claim to be such a proxy on.
    pub(super) async fn sign_in(&self, name: &str) -> String {
        people::named(&self.home.backend.base, name).await
    }

    /// Where browsers and scripts find this plugin id: `http://<host>:<port>`.
    pub(super) fn address(&self, plugin: &str) -> &str {
        match self.shape {
            Shape::Alongside if !["ske", "spacelift-io"].contains(&plugin) => &self.home.backend.base,
            _ => &self.home.stagedoor,
        }
    }

    /// The URL of `/api/<plugin id>/…` where browsers find it.
    pub(super) fn url(&self, path: &str) -> String {
        let plugin = path.split('/').nth(2).expect("/api/<plugin id>/…");
        format!("{}{path}", self.address(plugin))
    }

    /// GET as the guest; panics unless it succeeds.
    pub(super) async fn get(&self, path: &str) -> Value {
        people::json(client().get(self.url(path)).bearer_auth(&self.token)).await
    }

    /// Runs the Template as the guest, as the create page does, and waits for its end.
    pub(super) async fn run(&self, template: &str, values: Value) -> Task {
        self.run_as(&self.token, template, values).await
    }

    /// The same as whoever the token belongs to.
    pub(super) async fn run_as(&self, token: &str, template: &str, values: Value) -> Task {
        let body =
            json!({ "templateRef": format!("template:default/{template}"), "values": values, "secrets": {} });
        let tasks = self.url("/api/scaffolder/v2/tasks");
        let made = people::json(client().post(&tasks).bearer_auth(token).json(&body)).await;
        let events = format!("{tasks}/{}/eventstream", made["id"].as_str().unwrap());
        let page = client().get(events).bearer_auth(token).timeout(LIMIT);
        let page = page.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(page.status(), 200);
        Task::read(&page.text().await.expect("the task ends in time"))
    }

    /// Stops Stagedoor; the rest stays.
    pub(super) fn stop_stagedoor(&mut self) {
        self.stagedoor = None;
    }

    /// Asks the path until it succeeds with what is wanted.
    pub(super) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + LIMIT;
        loop {
            let answer = client().get(self.url(path)).bearer_auth(&self.token).send().await;
            let answer = answer.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            let body = serde_json::from_str(&text).unwrap_or_default();
            if status == 200 && wanted(&body) {
                return body;
            }
            let log = || self.home.backend.log();
            assert!(Instant::now() < end, "{path} stays {status}: {text}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Stagedoor's environment besides the platform's.
fn ours(spacelift: &Simulator, data: &TempDir) -> [(&'static str, String); 5] {
    let settings = SimulatorSettings::default();
    let (feed, secret) = FEED_SECRET;
    [
        (feed, secret.to_owned()),
        ("SPACELIFT_API_KEY_ID", settings.api_key),
        ("SPACELIFT_API_KEY_SECRET", "simulated-secret".to_owned()),
        (
            "APP_CONFIG_stagedoor_spacelift_endpoint",
            format!("{}/graphql", spacelift.url()),
        ),
        (
            "APP_CONFIG_stagedoor_dataDir",
            data.path().to_str().unwrap().to_owned(),
        ),
    ]
}

//! A small GraphQL client that stands in for ours.
use std::time::Duration;

use serde_json::{Value, json};
use stagedoor::{
    infra::{http_client::HttpClients, tasks::Tasks},
    simulator::{Simulator, SimulatorSettings},
};

pub(crate) const LOGIN: &str =
    "mutation Login($id: ID!, $secret: String!) { apiKeyUser(id: $id, secret: $secret) { jwt validUntil } }";
pub(crate) const LIST: &str = "query List { viewer { id } stacks { id name description labels state branch spaceDetails { id name } } }";
pub(crate) const TRIGGER: &str = "mutation Trigger($stack: ID!) { runTrigger(stack: $stack) { id state } }";
pub(crate) const CONFIRM: &str =
    "mutation Confirm($stack: ID!, $run: ID) { runConfirm(stack: $stack, run: $run) { state } }";
pub(crate) const DISCARD: &str =
    "mutation Discard($stack: ID!, $run: ID) { runDiscard(stack: $stack, run: $run) { state } }";
pub(crate) const ONE: &str = "query One($id: ID!) { stack(id: $id) { state canWrite isDisabled lockedBy lockedAt blocker { state } } }";

/// The step of the default settings.
pub(crate) const STEP: Duration = Duration::from_secs(2);

pub(crate) struct Client {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
    token: Option<String>,
    _tasks: Tasks,
}

impl Client {
    pub(crate) async fn start() -> Self {
        Self::start_with(SimulatorSettings::default()).await
    }

    pub(crate) async fn start_with(settings: SimulatorSettings) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tasks = Tasks::default();
        let simulator = Simulator::start(listener, settings, &tasks).unwrap();
        let url = simulator.url().parse().unwrap();
        let http = HttpClients::new(&[]).unwrap().for_url(&url).clone();
        Self {
            simulator,
            http,
            token: None,
            _tasks: tasks,
        }
    }

    pub(crate) async fn logged_in() -> Self {
        let mut client = Self::start().await;
        client.log_in().await;
        client
    }

    pub(crate) async fn log_in(&mut self) {
        let answer = self.login_answer("simulated-secret").await;
        let token = answer["data"]["apiKeyUser"]["jwt"].as_str();
        self.token = Some(token.expect("a token").to_owned());
    }

    pub(crate) async fn login_answer(&self, secret: &str) -> Value {
        self.ask(
            LOGIN,
            json!({"id": "01JSIMULATEDKEY00000000000", "secret": secret}),
        )
        .await
    }

    pub(crate) async fn send(&self, query: &str, variables: Value) -> reqwest::Result<reqwest::Response> {
        let body = json!({"query": query, "variables": variables});
        let request = self
            .http
            .post(format!("{}/graphql", self.simulator.url()))
            .json(&body);
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request
            .header("spacelift-user-provided-run-metadata", "user:default/jo")
            .send()
            .await
    }

    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let response = self.send(query, variables).await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    pub(crate) async fn list(&self) -> Value {
        self.ask(LIST, json!({})).await
    }

    pub(crate) async fn on(&self, mutation: &str, stack: &str) -> Value {
        self.ask(mutation, json!({"stack": stack})).await
    }

    pub(crate) fn state(&self, stack: &str) -> String {
        self.simulator.stack(stack).unwrap().state
    }

    pub(crate) fn steps(&self, count: u32) {
        self.simulator.advance(STEP * count);
    }
}

pub(crate) fn message(answer: &Value) -> &str {
    answer["errors"][0]["message"].as_str().unwrap_or_default()
}

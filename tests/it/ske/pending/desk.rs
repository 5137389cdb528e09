//! A portal whose Templates record requests. Nobody is at the address of its cluster unless a test needs one.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    actions::portal::{Reply, send},
    ske::portal::{Backstage, Said, get, post},
    support::{
        app::{STATIC_TOKEN, TestApp},
        postgres::Postgres,
    },
};

pub(super) const REQUESTS: &str = "/api/ske/pending-requests";

/// As operators make one: `openssl rand -hex 24`.
pub(super) const FEED_SECRET: &str = "f00dbabe0123456789abcdef0123456789abcdef01234567";

/// Where the catalog reads.
pub(super) const FEED: &str =
    "/api/ske/catalog/f00dbabe0123456789abcdef0123456789abcdef01234567/pending-requests.yaml";

/// Code hosts the portal knows.
pub(super) const INTEGRATIONS: &str =
    "integrations:\n  github: [{ host: github.com }]\n  gitlab: [{ host: git.example.com }]\n";

pub(super) struct Desk {
    pub(super) app: TestApp,
    pub(super) backstage: Backstage,
    _data: TempDir,
}

impl Desk {
    /// With a file.
    pub(super) async fn open() -> Self {
        Self::with(str::to_owned).await
    }

    /// With this change of its app-config.
    pub(super) async fn with(change: impl Fn(&str) -> String) -> Self {
        let (backstage, data) = (Backstage::start().await, tempfile::tempdir().unwrap());
        let config = app_config(&backstage, &data);
        Self {
            app: TestApp::start(&change(&config)).await,
            backstage,
            _data: data,
        }
    }

    /// With a database of its own on this server.
    pub(super) async fn on(server: &Postgres) -> Self {
        let section = database(server);
        Self::with(|config| config.replacen("backend:\n", &format!("backend:\n  database: {section}\n"), 1))
            .await
    }

    /// One with each kind of database.
    pub(super) async fn both() -> [Self; 2] {
        [Self::open().await, Self::on(Postgres::shared()).await]
    }

    /// Somebody's Template.
    pub(super) fn template(&self) -> String {
        self.backstage.on_behalf_of("jane", "scaffolder")
    }

    /// Runs the action from Jane's Template.
    pub(super) async fn run(&self, input: &Value) -> Reply {
        let path = "/api/ske/.backstage/actions/v1/actions/ske%3Arecord-request/invoke";
        send(
            &self.app,
            ("POST", path),
            Some(&self.template()),
            &input.to_string(),
        )
        .await
    }

    /// Records by the plain route.
    pub(super) async fn record(&self, input: &Value) -> Said {
        post(&self.app, STATIC_TOKEN, REQUESTS, input).await
    }

    /// What is recorded, as Jane's page sees it.
    pub(super) async fn recorded(&self) -> Vec<Value> {
        let jane = self.backstage.user("jane", json!({}));
        let listed = get(&self.app, &jane, REQUESTS).await.ok();
        listed["items"].as_array().unwrap().clone()
    }

    /// Reads as the catalog does, without credentials.
    pub(super) async fn feed(&self, path: &str) -> reqwest::Response {
        self.app.client.get(self.app.url(path)).send().await.unwrap()
    }
}

pub(super) fn app_config(backstage: &Backstage, data: &TempDir) -> String {
    let entry = "authProvider: serviceAccount\n          serviceAccountToken: token-of-our-account";
    let ours = format!("{{ pendingRequests: {{ feedSecret: {FEED_SECRET} }} }}");
    let config = backstage.app_config_at("http://127.0.0.1:9", entry, &ours);
    format!("{config}  dataDir: '{}'\n{INTEGRATIONS}", data.path().display())
}

/// The section `backend.database` with a database that nobody else has.
pub(super) fn database(server: &Postgres) -> String {
    let prefix = format!("t{}_", uuid::Uuid::new_v4().simple());
    json!({ "client": "pg", "connection": server.url(), "prefix": prefix }).to_string()
}

/// The inputs about `Database shop/<name>`.
pub(super) fn request(action: &str, name: &str) -> Value {
    json!({
        "promiseName": "database", "name": name, "namespace": "shop", "action": action,
        "manifest": format!(
            "apiVersion: example.org/v1\nkind: Database\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  \
             password: canary-of-the-form\n"
        ),
    })
}

/// The same with a pull request at GitHub.
pub(super) fn reviewed(action: &str, name: &str, number: u64) -> Value {
    let mut input = request(action, name);
    input["pullRequestUrl"] = format!("https://github.com/O/R/pull/{number}").into();
    input["requestsRepoUrl"] = "github.com?owner=O&repo=R".into();
    input
}

//! The whole service on a free port of loopback.

use std::time::Duration;

use stagedoor::{
    app::{App, Portal, ServeError, StartError, StartOptions},
    backstage::{BackendBuilder, Check, auth::Clock},
    config::{ConfigStore, Environment, LoadOptions},
    plugins,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

/// A static token every `TestApp::start` configuration may use: `test_token_section()`.
pub const STATIC_TOKEN: &str = "static-token-of-the-tests";

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A running Stagedoor.
pub struct TestApp {
    /// `http://127.0.0.1:<port>`
    pub base: String,
    /// Where its app-config.yaml lies; a test may change it.
    pub folder: TempDir,
    pub client: reqwest::Client,
    /// What its tokens and keys go by.
    pub clock: Clock,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

impl TestApp {
    /// Starts with this app-config and the project's own plugins.
    pub async fn start(app_config: &str) -> Self {
        Self::start_with(app_config, plugins::register).await
    }

    /// Starts with plugins of the test's own.
    pub async fn start_with(app_config: &str, register: fn(BackendBuilder) -> BackendBuilder) -> Self {
        Self::start_adapted(app_config, register, |app| app).await
    }

    /// Starts with this environment around it.
    pub async fn start_within(environment: Environment, app_config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_within(environment, &folder, app_config).await;
        Self::serve(folder, store, plugins::register, |app| app).await
    }

    /// Starts with plugins and limits of the test's own.
    pub async fn start_adapted(
        app_config: &str,
        register: fn(BackendBuilder) -> BackendBuilder,
        adapt: fn(App) -> App,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, app_config).await;
        Self::serve(folder, store, register, adapt).await
    }

    async fn serve(
        folder: TempDir,
        store: ConfigStore,
        register: fn(BackendBuilder) -> BackendBuilder,
        adapt: fn(App) -> App,
    ) -> Self {
        let app = App::build_with(store, &StartOptions::default(), register)
            .unwrap_or_else(|error| panic!("{error:?}"));
        let app = adapt(app);
        let clock = app.clock().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(app.serve_on(listener, async move {
            let _ = stopped.await;
        }));
        Self {
            base,
            folder,
            client: client(),
            clock,
            stop,
            ended,
        }
    }

    /// What `stagedoor check` finds with this app-config.
    pub async fn check(app_config: &str) -> Vec<Check> {
        Self::check_within(environment(), app_config).await
    }

    /// As `check`, with this environment around it.
    pub async fn check_within(environment: Environment, app_config: &str) -> Vec<Check> {
        let folder = tempfile::tempdir().unwrap();
        let store = open_within(environment, &folder, app_config).await;
        let app = App::build(store, &StartOptions::default()).unwrap_or_else(|error| panic!("{error:?}"));
        app.check().await
    }

    /// Returns the problems a configuration is refused with.
    pub async fn refused(app_config: &str, register: fn(BackendBuilder) -> BackendBuilder) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        match App::build_with(
            open(&folder, app_config).await,
            &StartOptions::default(),
            register,
        ) {
            Err(StartError::Config(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(other) => panic!("refused for another reason: {other}"),
            Ok(_) => panic!("the configuration was accepted"),
        }
    }

    /// Returns why the service does not start within this environment although the configuration itself can be read.
    pub async fn fails_to_start(environment: Environment, app_config: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let store = open_within(environment, &folder, app_config).await;
        let app = App::build(store, &StartOptions::default()).unwrap_or_else(|error| panic!("{error:?}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        match timeout(LIMIT, app.serve_on(listener, std::future::pending())).await {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(())) => panic!("it ended without an error"),
            Err(_) => panic!("it started"),
        }
    }

    /// Returns what a configuration that is accepted is warned of.
    pub async fn warnings(app_config: &str, register: fn(BackendBuilder) -> BackendBuilder) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, app_config).await;
        let app = App::build_with(store, &StartOptions::default(), register).unwrap();
        app.warnings().to_vec()
    }

    /// Returns what is said of the way from the portal to us.
    pub async fn portal(app_config: &str, register: fn(BackendBuilder) -> BackendBuilder) -> Portal {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, app_config).await;
        let app = App::build_with(store, &StartOptions::default(), register);
        let app = app.unwrap_or_else(|error| panic!("{app_config}: {error:?}"));
        Portal {
            on: app.portal().on.clone(),
            off: app.portal().off.clone(),
            warnings: app.portal().warnings.clone(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET with the static token.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client
            .get(self.url(path))
            .bearer_auth(STATIC_TOKEN)
            .send()
            .await
            .unwrap()
    }

    /// POST without a body, as the Spacelift frontend sends it, with the static token.
    pub async fn post(&self, path: &str) -> reqwest::Response {
        self.client
            .post(self.url(path))
            .bearer_auth(STATIC_TOKEN)
            .send()
            .await
            .unwrap()
    }

    /// Asks the service to stop and waits until it has.
    pub async fn stop(self) -> Result<(), ServeError> {
        let _ = self.stop.send(());
        timeout(LIMIT, self.ended)
            .await
            .expect("the service stops in time")
            .expect("it does not panic")
    }
}

/// A client that follows no redirect, decompresses nothing and uses no proxy.
pub fn client() -> reqwest::Client {
    stagedoor::infra::install_crypto_provider();
    reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        // The service closes after five seconds; a request must not meet that on a busy machine.
        .pool_idle_timeout(Duration::from_secs(1))
        .timeout(LIMIT)
        .build()
        .unwrap()
}

/// The `backend` section most tests want: a base URL that is not ourselves and the static token.
pub fn backend_section() -> String {
    format!(
        "backend:\n  baseUrl: http://localhost:7007\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
         options: {{ token: {STATIC_TOKEN}, subject: tests }}\n"
    )
}

/// An environment with nothing of the machine in it.
fn environment() -> Environment {
    Environment::from_pairs([("STAGEDOOR_TEST", "1")])
}

/// What it keeps where systems keep state stays in the test's folder too.
async fn open(folder: &TempDir, app_config: &str) -> ConfigStore {
    std::fs::create_dir_all(folder.path().join("var/lib")).unwrap();
    open_within(environment().rooted_at(folder.path()), folder, app_config).await
}

async fn open_within(environment: Environment, folder: &TempDir, app_config: &str) -> ConfigStore {
    stagedoor::infra::install_crypto_provider();
    let file = folder.path().join("app-config.yaml");
    std::fs::write(&file, app_config).unwrap();
    let options = LoadOptions {
        targets: vec![file.display().to_string()],
        root_dir: folder.path().to_owned(),
        working_dir: folder.path().to_owned(),
        environment,
        remote: None,
    };
    ConfigStore::open(options)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

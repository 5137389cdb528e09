//! A real Backstage backend, made of the packages in `tests/backstage`, as a child process.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{app::client, guarded::Guarded};

/// A start takes a few seconds on idle cores, and many times that beside all the other tests.
const LIMIT: Duration = Duration::from_secs(300);

/// Two tests must not both install.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The running backend; killed when dropped, or with the test process.
pub(crate) struct BackstageBackend {
    /// Where it listens itself: `http://127.0.0.1:<port>`.
    pub(crate) base: String,
    process: Guarded,
}

impl BackstageBackend {
    /// Starts it in the folder with these configuration files and variables, and waits until it is ready; it listens at
    /// `base` and the folder goes with it.
    pub(crate) async fn start(
        folder: &Path,
        configs: &[&str],
        environment: &[(&str, &str)],
        base: String,
    ) -> Result<Self, String> {
        let command = command(folder, configs, environment);
        let process = Guarded::start(&command, &folder.join("backstage.log"), Some(folder));
        let backend = Self { base, process };
        let end = Instant::now() + LIMIT;
        while !backend.is_ready().await {
            if Instant::now() > end || backend.has_failed() {
                return Err(format!("Backstage does not start; it said:\n{}", backend.log()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(backend)
    }

    /// What it printed so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    async fn is_ready(&self) -> bool {
        let url = format!("{}/.backstage/health/v1/readiness", self.base);
        let answer = client().get(url).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    fn has_failed(&self) -> bool {
        let log = self.log();
        log.contains("Backend startup failed") || log.contains("Node.js v")
    }
}

fn command(folder: &Path, configs: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let packages = installed();
    let runtime = runtime(&packages);
    let mut command: Vec<String> = ["env", "-C"].map(str::to_owned).to_vec();
    command.push(folder.display().to_string());
    // The guest may sign in to a backend in development alone.
    command.extend(["NODE_ENV=development", "NO_COLOR=1"].map(str::to_owned));
    let variable = |(name, value): &(&str, &str)| format!("{name}={value}");
    command.extend(environment.iter().map(variable));
    command.push(runtime.display().to_string());
    // What the scaffolder's sandbox asks for.
    command.push("--no-node-snapshot".to_owned());
    command.push(packages.join("backend.mjs").display().to_string());
    for config in configs {
        command.extend(["--config".to_owned(), (*config).to_owned()]);
    }
    command
}

/// The Node that the packages were built by.
fn runtime(packages: &Path) -> PathBuf {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x64",
    };
    packages.join(format!("node_modules/node-linux-{architecture}/bin/node"))
}

/// Returns `tests/backstage` with its packages; installs them when they are not there yet.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backstage");
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !folder.join("node_modules/.built").exists() {
        let output = Command::new(folder.join("install")).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("tests/backstage/install does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "tests/backstage/install failed; run it by hand. It said:\n{said}"
        );
    }
    folder
}

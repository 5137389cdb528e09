//! The engine in a process of its own: this test binary, started again for the same test with an order to carry out.

use std::{
    ffi::OsString,
    io::Read as _,
    process::{Child, Command, Stdio},
};

use stagedoor::infra::{
    git::{GitLibrary, GitRepository, RemoteUrl},
    http_client::HttpClients,
};

use super::workshop::Workshop;

/// The variable that carries the order; a process without it gives orders itself.
const ORDER: &str = "STAGEDOOR_TEST_GIT_ORDER";

/// What the process is to do, and where.
pub struct Order {
    pub url: String,
    pub data: String,
    /// A word for the one who carries it out.
    pub what: String,
    /// A program and its arguments, which runs the process.
    pub wrapper: Vec<String>,
}

impl Order {
    pub fn new(workshop: &Workshop, url: &str, what: &str) -> Self {
        Self {
            url: url.to_owned(),
            data: workshop.data.path().to_str().unwrap().to_owned(),
            what: what.to_owned(),
            wrapper: Vec::new(),
        }
    }

    /// Starts the process for the test of this name, without proxies but those given.
    pub fn start(&self, test: &str, environment: &[(&str, &str)]) -> Child {
        let this = std::env::current_exe().unwrap();
        let mut line = self.wrapper.iter().map(OsString::from).chain([this.into()]);
        let mut command = Command::new(line.next().unwrap());
        command.args(line);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(ORDER, [self.url.as_str(), &self.data, &self.what].join("|"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The order this process was started with, if it was.
    pub fn received() -> Option<Self> {
        let order = std::env::var(ORDER).ok()?;
        let parts: Vec<_> = order.split('|').map(str::to_owned).collect();
        let [url, data, what] = parts.try_into().unwrap();
        Some(Self {
            url,
            data,
            what,
            wrapper: Vec::new(),
        })
    }

    /// Starts the process, and waits for its end; returns what it printed.
    pub async fn said(&self, test: &str, environment: &[(&str, &str)]) -> String {
        let mut child = self.start(test, environment);
        let waiting = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            child.wait().unwrap();
            said
        });
        waiting.await.unwrap()
    }

    /// The engine the order speaks of.
    pub fn repository(&self) -> GitRepository {
        let library = GitLibrary::start(HttpClients::new(&[]).unwrap()).unwrap();
        let settings = Workshop::settings_for(RemoteUrl::parse(&self.url).unwrap(), self.data.as_ref());
        GitRepository::new(library, settings, stagedoor::infra::tasks::Tasks::default())
    }
}

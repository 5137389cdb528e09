//! The real binary in gitops mode, in a folder of its own.

use std::{fmt::Write as _, path::Path, sync::Arc};

use serde_json::Value;
use tempfile::TempDir;

use super::place::{TEAM, database, opened, scm};
use crate::{
    ske::{
        place::{CONFIGURE, DELETE},
        portal::{manifest, named, resource},
    },
    support::{
        app::{STATIC_TOKEN, backend_section, client},
        binary::Binary,
        git::server::GitServer,
    },
};

/// A configuration and a data folder; processes may be started with them one after the other.
pub(in crate::ske) struct Home {
    folder: Arc<TempDir>,
}

/// A process of it.
pub(in crate::ske) struct Process {
    pub(in crate::ske) binary: Binary,
    pub(in crate::ske) caller: Caller,
    /// Lives as long as the last process in it.
    _folder: Arc<TempDir>,
}

/// Somebody who calls it; a request fails when the process dies.
#[derive(Clone)]
pub(in crate::ske) struct Caller {
    base: String,
    client: reqwest::Client,
}

/// What came back; nothing if the connection ended before the answer.
pub(in crate::ske) type Answered = Option<(u16, Value)>;

impl Home {
    /// For the server's repository `state.git`, with this section `stagedoor.ske` and more text at the end of the
    /// section `stagedoor`.
    pub(in crate::ske) fn of(server: &GitServer, ours: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = backend_section();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        write!(
            config,
            "ske:\n  mode: gitops\n  scm: {}\nstagedoor:\n  dataDir: '{}'\n  ske: {}\n{more}",
            scm(server, ""),
            data.display(),
            opened(ours)
        )
        .unwrap();
        std::fs::write(folder.path().join("app-config.yaml"), config).unwrap();
        let folder = Arc::new(folder);
        Self { folder }
    }

    pub(in crate::ske) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a process and waits until it listens.
    pub(in crate::ske) async fn start(&self, environment: &[(&str, &str)]) -> Process {
        let binary = Binary::start(self.path(), &["serve", "--listen=127.0.0.1:0"], environment);
        let listening = tokio::task::spawn_blocking(move || {
            let base = binary.base();
            (binary, base)
        });
        let (binary, base) = listening.await.unwrap();
        let caller = Caller {
            base,
            client: client(),
        };
        Process {
            binary,
            caller,
            _folder: Arc::clone(&self.folder),
        }
    }
}

impl Caller {
    /// Configures the object of this name of the team.
    pub(in crate::ske) async fn write(&self, name: &str, spec: Value) -> Answered {
        self.post(CONFIGURE, &manifest(&database(), TEAM, name, spec))
            .await
    }

    pub(in crate::ske) async fn delete(&self, name: &str) -> Answered {
        self.post(DELETE, &named(&database(), TEAM, name)).await
    }

    pub(in crate::ske) async fn read(&self, name: &str) -> Answered {
        let path = resource(&database(), TEAM, name);
        Self::answer(self.client.get(format!("{}{path}", self.base))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        Self::answer(self.client.post(format!("{}{path}", self.base)).json(body)).await
    }

    async fn answer(request: reqwest::RequestBuilder) -> Answered {
        let response = request.bearer_auth(STATIC_TOKEN).send().await.ok()?;
        let status = response.status().as_u16();
        let body = response.text().await.ok()?;
        Some((status, serde_json::from_str(&body).unwrap()))
    }
}

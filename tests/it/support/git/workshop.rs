//! The engine in front of a server with one repository, and short ways to write changes.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use secrecy::SecretString;
use stagedoor::infra::{
    git::{
        BranchName, Change, Credentials, Draft, FileEdit, FilePath, FixedCredentials, GitError, GitLibrary,
        GitRepository, Identity, Limits, RemoteUrl, RepositorySettings, SharedCredentials, Written,
    },
    http_client::HttpClients,
    tasks::Tasks,
};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{
    remote::BareRepository,
    server::{GitServer, PASSWORD, USER},
    tls::TRUSTED,
};

/// Long enough that only something that hangs ends by it.
const PATIENCE: Duration = Duration::from_secs(120);

static LIBRARY: LazyLock<GitLibrary> =
    LazyLock::new(|| GitLibrary::start(HttpClients::new(&[TRUSTED.pem()]).unwrap()).unwrap());

/// A server, its repository `state.git`, and the folder of one engine.
pub struct Workshop {
    pub server: GitServer,
    pub remote: BareRepository,
    pub data: TempDir,
    pub tasks: Tasks,
}

impl Workshop {
    /// With a repository nobody has pushed to.
    pub async fn empty() -> Self {
        Self::behind(GitServer::start().await)
    }

    /// With a repository nobody has pushed to, behind this server.
    pub fn behind(server: GitServer) -> Self {
        Self {
            remote: server.create("state.git"),
            server,
            data: tempfile::tempdir().unwrap(),
            tasks: Tasks::default(),
        }
    }

    /// With a branch that holds `README`.
    pub async fn new() -> Self {
        let workshop = Self::empty().await;
        workshop.remote.push_file("README", "by hand\n");
        workshop
    }

    /// The engine, with the right password.
    pub fn repository(&self) -> GitRepository {
        self.repository_with(|_| {})
    }

    pub fn repository_with(&self, adjust: impl FnOnce(&mut RepositorySettings)) -> GitRepository {
        let mut settings = self.settings(self.data.path());
        adjust(&mut settings);
        GitRepository::new(LIBRARY.clone(), settings, self.tasks.clone())
    }

    /// Ends an engine as a process does that stops in good order.
    pub async fn close(&self, repository: GitRepository) {
        drop(repository);
        self.tasks.shut_down().await;
    }

    pub fn settings(&self, data: &Path) -> RepositorySettings {
        Self::settings_for(RemoteUrl::parse(&self.server.url("state.git")).unwrap(), data)
    }

    /// Every read asks the server.
    pub fn settings_for(remote: RemoteUrl, data: &Path) -> RepositorySettings {
        RepositorySettings {
            remote,
            branch: BranchName::parse("main").unwrap(),
            data_folder: data.to_owned(),
            credentials: password(PASSWORD),
            limits: Limits {
                fetch_interval: Duration::ZERO,
                ..Limits::default()
            },
        }
    }
}

/// A source that gives this password.
pub fn password(password: &str) -> SharedCredentials {
    Arc::new(FixedCredentials(Some(Credentials {
        username: USER.to_owned(),
        password: SecretString::from(password),
    })))
}

pub fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

/// A change that makes these edits whatever it is shown.
pub fn edits(edits: impl IntoIterator<Item = (FilePath, FileEdit)>) -> Change {
    let draft = Draft {
        edits: edits.into_iter().collect(),
        message: "Change the state\n".to_owned(),
    };
    change(move |_| Ok(Some(draft.clone())))
}

/// A change that writes one file.
pub fn put(file: &str, content: &str) -> Change {
    edits([(path(file), FileEdit::Write(content.into()))])
}

/// A change that removes one file.
pub fn remove(file: &str) -> Change {
    edits([(path(file), FileEdit::Remove)])
}

pub fn change<F>(make: F) -> Change
where
    F: FnMut(&stagedoor::infra::git::Tip<'_>) -> Result<Option<Draft>, stagedoor::infra::git::ChangeError>
        + Send
        + 'static,
{
    Change {
        author: Identity::new("Ann Author", "ann@example.com").unwrap(),
        committer: Identity::new("Stagedoor", "stagedoor@example.com").unwrap(),
        make: Box::new(make),
    }
}

/// Writes and waits as long as it takes.
pub async fn write(repository: &GitRepository, change: Change) -> Result<Written, GitError> {
    repository.write(change, Instant::now() + PATIENCE).await
}

/// The id of the commit made, as text.
#[track_caller]
pub fn committed(written: Result<Written, GitError>) -> String {
    match written {
        Ok(Written::Committed(commit)) => commit.to_string(),
        other => panic!("no commit: {other:?}"),
    }
}

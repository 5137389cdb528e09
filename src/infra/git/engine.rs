//! What reading and writing a repository share: its settings, its mirror and the credential.

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use git2::{Oid, Repository};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    credentials::{Credentials, SharedCredentials},
    error::GitError,
    generation::Handle,
    mirror::{Known, Mirror},
    pending::Pending,
    queue::Queue,
    remote::{BranchName, RemoteUrl},
    session::Session,
    transport::{self, Advertised},
};
use crate::infra::http_client::HttpClients;

/// Copies a fetch is tried on: one may be damaged, and one exchanged meanwhile.
const MOST_COPIES: u32 = 3;

/// How long a source may take for a credential; making one may need an answer of another server.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(30);

/// Which repository, as whom, and where its copy is kept.
#[derive(Clone)]
pub struct RepositorySettings {
    /// The repository.
    pub remote: RemoteUrl,
    /// The branch that is read and written.
    pub branch: BranchName,
    /// A folder of this process; the copy goes into a folder below it.
    pub data_folder: PathBuf,
    /// Asked before each conversation.
    pub credentials: SharedCredentials,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on work and waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is read is at most this old; zero asks the server for each read.
    pub fetch_interval: Duration,
    /// How often a change is tried when others push first.
    pub tries: u32,
    /// Changes that share a push: more would make the neighbours of a refused one wait long.
    pub most_together: usize,
    /// Changes that wait; each holds its request's memory.
    pub most_waiting: usize,
    /// Time for one conversation as a whole; a first clone takes longest.
    pub conversation: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch_interval: Duration::from_secs(2),
            tries: 5,
            most_together: 64,
            most_waiting: 1024,
            conversation: Duration::from_secs(300),
        }
    }
}

/// Shared by all who use one repository.
pub(super) struct Engine {
    pub(super) settings: RepositorySettings,
    pub(super) queue: Queue<Pending>,
    http: HttpClients,
    mirror: OnceLock<Arc<Mirror>>,
    /// Held by who opens the mirror.
    opening: Mutex<()>,
}

impl Engine {
    pub(super) fn new(settings: RepositorySettings, http: HttpClients) -> Self {
        Self {
            queue: Queue::new(settings.limits.most_waiting),
            settings,
            http,
            mirror: OnceLock::new(),
            opening: Mutex::default(),
        }
    }

    /// The mirror, opened on first use. Blocks.
    pub(super) fn mirror(&self) -> Result<&Arc<Mirror>, GitError> {
        if let Some(mirror) = self.mirror.get() {
            return Ok(mirror);
        }
        let _opening = self.opening.lock();
        if let Some(mirror) = self.mirror.get() {
            return Ok(mirror);
        }
        let RepositorySettings {
            remote,
            branch,
            data_folder,
            ..
        } = &self.settings;
        let folder = data_folder.join("git").join(remote.folder_name(branch));
        let opened = Arc::new(Mirror::open(folder, branch.clone())?);
        Ok(self.mirror.get_or_init(|| opened))
    }

    /// Does work on the local copy. If the copy turns out to be damaged, this very one is put aside, so that the next
    /// attempt makes it anew. Blocks.
    pub(super) fn on_copy<T>(
        &self,
        work: impl FnOnce(&Mirror, &Handle) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let mirror = self.mirror()?;
        let handle = mirror.repository()?;
        let outcome = work(mirror, &handle);
        match &outcome {
            Err(error) if error.blames_the_mirror() => {
                mirror.discard(handle.generation(), &error.to_string());
            }
            Err(_) => {}
            Ok(_) => {
                mirror.tidy(handle.generation());
                handle.done();
            }
        }
        outcome
    }

    /// What the server was last seen to have, if that is known without asking anybody. Waits for nobody.
    pub(super) fn known(&self) -> Option<Known> {
        self.mirror.get().and_then(|mirror| mirror.known())
    }

    /// Asks for the credential, for a bounded time and whatever the source does.
    pub(super) async fn credentials(&self, refused: bool) -> Result<Option<Credentials>, GitError> {
        // The call itself may panic, before there is a future.
        let asked = async { self.settings.credentials.credentials(refused).await };
        let asked = timeout(CREDENTIALS_PATIENCE, AssertUnwindSafe(asked).catch_unwind());
        let given = match asked.await {
            Ok(Ok(given)) => given,
            Ok(Err(_)) => return Err(GitError::Internal),
            Err(_) => Err(format!(
                "none was given within {} s",
                CREDENTIALS_PATIENCE.as_secs()
            )),
        };
        given.map_err(|reason| GitError::NoCredentials {
            remote: self.settings.remote.to_string(),
            reason,
        })
    }

    /// Runs blocking work that converses with the server, on a thread of its own: the end of the process waits for
    /// none. The conversation ends when the caller goes away.
    ///
    /// # Errors
    /// The work panicked.
    pub(super) async fn converse<T, W>(
        self: &Arc<Self>,
        credentials: Option<Credentials>,
        work: W,
    ) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnOnce(&Self, &Arc<Session>) -> T + Send + 'static,
    {
        let cancelled = CancellationToken::new();
        let client = self.http.for_git(self.settings.remote.url()).clone();
        let session = Session::new(&self.settings, client, credentials, cancelled.clone());
        let _cancel = cancelled.drop_guard();
        let (sender, outcome) = oneshot::channel();
        let engine = Arc::clone(self);
        // Without a thread the sender is dropped.
        let _ = thread::Builder::new().name("git".to_owned()).spawn(move || {
            let outcome = work(&engine, &session);
            // Before the outcome is known: then the mirror can be opened anew.
            drop((engine, session));
            let _ = sender.send(outcome);
        });
        outcome.await.map_err(|_| GitError::Internal)
    }

    /// Brings the mirror up to date; returns where the branch is. Blocks.
    ///
    /// Begins again when the copy was damaged or exchanged meanwhile.
    pub(super) fn fetch(&self, session: &Arc<Session>) -> Result<Option<Oid>, GitError> {
        let mut outcome = Err(GitError::Internal);
        for _ in 0..MOST_COPIES {
            outcome = self.on_copy(|mirror, handle| self.fetch_into(mirror, handle, session));
            match &outcome {
                Ok(Some(_)) => break,
                Ok(None) => {}
                Err(error) if error.blames_the_mirror() => {}
                Err(_) => break,
            }
        }
        outcome.and_then(|tip| {
            tip.ok_or_else(|| GitError::Mirror {
                reason: "it was exchanged time and again".to_owned(),
            })
        })
    }

    /// Returns where the branch is; none if this copy is not in use any more.
    fn fetch_into(
        &self,
        mirror: &Mirror,
        handle: &Handle,
        session: &Arc<Session>,
    ) -> Result<Option<Option<Oid>>, GitError> {
        let as_of = Instant::now();
        let fetched = transport::fetch(handle, session)?;
        if fetched.downloaded {
            handle.generation().add_pack();
        }
        let tip = self.tip_of(mirror, handle, fetched.advertised)?;
        let noted = mirror.note(handle, Known { tip, as_of })?;
        // Something newer may be known by now.
        Ok(noted.then(|| mirror.known().map_or(tip, |known| known.tip)))
    }

    /// Where the branch is; one that is gone is an error, except in a repository that never had it nor any other.
    pub(super) fn tip_of(
        &self,
        mirror: &Mirror,
        repository: &Repository,
        advertised: Advertised,
    ) -> Result<Option<Oid>, GitError> {
        let gone = !advertised.is_empty || mirror.remembers_branch(repository);
        if advertised.tip.is_none() && gone {
            return Err(GitError::BranchMissing {
                remote: self.settings.remote.to_string(),
                branch: self.settings.branch.to_string(),
            });
        }
        Ok(advertised.tip)
    }
}

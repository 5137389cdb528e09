//! What reading and writing a repository share: its settings, its mirror and the credential.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use git2::{Oid, Repository};
use parking_lot::Mutex;

use super::{
    credentials::{Credentials, SharedCredentials},
    error::GitError,
    mirror::{Known, Mirror},
    pending::Pending,
    queue::Queue,
    remote::{BranchName, RemoteUrl},
    transport::{self, Access, Advertised},
};

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
    /// Time for one conversation; a first clone takes longest.
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
    mirror: Mutex<Option<Arc<Mirror>>>,
}

impl Engine {
    pub(super) fn new(settings: RepositorySettings) -> Self {
        Self {
            queue: Queue::new(settings.limits.most_waiting),
            settings,
            mirror: Mutex::default(),
        }
    }

    /// The mirror, opened on first use. Blocks.
    pub(super) fn mirror(&self) -> Result<Arc<Mirror>, GitError> {
        let mut mirror = self.mirror.lock();
        if let Some(mirror) = mirror.as_ref() {
            return Ok(Arc::clone(mirror));
        }
        let RepositorySettings {
            remote,
            branch,
            data_folder,
            ..
        } = &self.settings;
        let folder = data_folder.join("git").join(remote.folder_name(branch));
        let opened = Arc::new(Mirror::open(folder, branch.clone())?);
        *mirror = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// What the server was last seen to have, if that is known without asking anybody.
    pub(super) fn known(&self) -> Option<Known> {
        self.mirror.lock().as_ref().and_then(|mirror| mirror.known())
    }

    /// Asks for the credential.
    pub(super) async fn credentials(&self, refused: bool) -> Result<Option<Credentials>, GitError> {
        let given = self.settings.credentials.credentials(refused).await;
        given.map_err(|reason| GitError::NoCredentials {
            remote: self.settings.remote.to_string(),
            reason,
        })
    }

    pub(super) fn access<'a>(&'a self, credentials: Option<&'a Credentials>) -> Access<'a> {
        Access {
            remote: &self.settings.remote,
            branch: &self.settings.branch,
            credentials,
            deadline: Instant::now() + self.settings.limits.conversation,
        }
    }

    /// Brings the mirror up to date; returns where the branch is. Blocks.
    pub(super) fn fetch(&self, credentials: Option<&Credentials>) -> Result<Option<Oid>, GitError> {
        let mirror = self.mirror()?;
        let repository = mirror.repository()?;
        let as_of = Instant::now();
        let advertised = transport::fetch(&repository, &self.access(credentials))?;
        let tip = self.tip_of(&mirror, &repository, advertised)?;
        mirror.note(&repository, Known { tip, as_of })?;
        // Something newer may be known by now.
        Ok(mirror.known().map_or(tip, |known| known.tip))
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

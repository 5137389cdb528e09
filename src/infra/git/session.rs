//! A session with the server: as whom, until when, and what went wrong in it.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    credentials::Credentials,
    engine::RepositorySettings,
    error::GitError,
    remote::{BranchName, RemoteUrl},
};

/// Silence after which the server is taken for gone. One that runs hooks during a push sends signs of life every 5 s
/// (`receive.keepAlive` of Git).
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an exchange came to nothing.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: GitError,
    /// The server may have acted on the request.
    pub(super) acted: bool,
}

/// With whom, about which branch, as whom, and until when. Ends when it is cancelled or its time is over, whatever the
/// server does.
pub(super) struct Session {
    pub(super) remote: RemoteUrl,
    pub(super) branch: BranchName,
    pub(super) credentials: Option<Credentials>,
    pub(super) client: reqwest::Client,
    pub(super) runtime: Handle,
    cancelled: CancellationToken,
    limit: Duration,
    deadline: Instant,
    failure: Mutex<Option<Failure>>,
}

impl Session {
    /// Begins now. To be called on the runtime that the exchanges run on.
    pub(super) fn new(
        settings: &RepositorySettings,
        client: reqwest::Client,
        credentials: Option<Credentials>,
        cancelled: CancellationToken,
    ) -> Arc<Self> {
        let limit = settings.limits.conversation;
        Arc::new(Self {
            remote: settings.remote.clone(),
            branch: settings.branch.clone(),
            credentials,
            client,
            runtime: Handle::current(),
            cancelled,
            limit,
            deadline: Instant::now() + limit,
            failure: Mutex::default(),
        })
    }

    /// Waits for a step of an exchange. Blocks; drops the step if it takes too long.
    pub(super) fn wait<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let in_time = async {
            tokio::select! {
                outcome = timeout(left.min(SILENCE_TIMEOUT), step) => outcome.map_err(|_| self.too_slow()),
                () = self.cancelled.cancelled() => Err(self.unreachable("the work was cancelled")),
            }
        };
        self.runtime
            .block_on(in_time)
            .map_err(|error| Failure { error, acted: true })
    }

    /// Whether its time is over or the caller went away.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || self.cancelled.is_cancelled()
    }

    /// The error for a step that took too long.
    pub(super) fn too_slow(&self) -> GitError {
        if self.is_over() {
            self.unreachable(&format!("no end after {} s", self.limit.as_secs()))
        } else {
            self.unreachable(&format!("no answer for {} s", SILENCE_TIMEOUT.as_secs()))
        }
    }

    /// The error for an answer that did not come or makes no sense.
    pub(super) fn unreachable(&self, reason: &str) -> GitError {
        GitError::Unreachable {
            remote: self.remote.to_string(),
            reason: reason.to_owned(),
        }
    }

    /// Keeps why an exchange failed: libgit2 passes no typed errors on.
    pub(super) fn fail(&self, failure: Failure) {
        *self.failure.lock() = Some(failure);
    }

    /// Why the last exchange failed, if it did.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().take()
    }
}

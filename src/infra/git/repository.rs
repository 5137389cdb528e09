//! The face of a repository: read the branch, change it. Everything that blocks happens off the async runtime.

use std::{sync::Arc, time::Duration};

use git2::{Direction, Oid};
use parking_lot::Mutex;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{
    commit::Change,
    engine::{Engine, RepositorySettings},
    error::GitError,
    library::GitLibrary,
    pending::{Pending, Written},
    session::Session,
    tip::{CommitId, Tip},
    transport, writer,
};
use crate::infra::{single_flight::SingleFlight, tasks::Tasks};

/// How long a failed fetch answers for those that come after it, unless the fetch interval is shorter.
const FAILURE_HOLD: Duration = Duration::from_secs(1);

/// Copies a read is tried on: one may be damaged, and one exchanged meanwhile.
const MOST_READS: u32 = 3;

/// The last fetch that failed, and when.
type Failure = Arc<Mutex<Option<(Instant, GitError)>>>;

/// A branch of a remote repository. Cheap to clone; all clones share the copy, the fetches and the writer.
#[derive(Clone)]
pub struct GitRepository {
    engine: Arc<Engine>,
    tasks: Tasks,
    fetches: Arc<SingleFlight<Result<Option<Oid>, GitError>>>,
    failure: Failure,
}

impl GitRepository {
    /// Prepares a repository; touches neither disk nor network.
    ///
    /// Changes once accepted are finished by the tasks given here, which shutdown waits for.
    pub fn new(library: GitLibrary, settings: RepositorySettings, tasks: Tasks) -> Self {
        Self {
            engine: Arc::new(Engine::new(settings, library.http)),
            fetches: Arc::new(SingleFlight::new(tasks.clone())),
            failure: Failure::default(),
            tasks,
        }
    }

    /// Which repository this is.
    pub fn settings(&self) -> &RepositorySettings {
        &self.engine.settings
    }

    /// Where the branch is, at most as old as the fetch interval; none in an empty repository.
    ///
    /// Asks the server if the last answer is older, joining a fetch that is under way; a failure answers for a second.
    /// What this process has written is always seen.
    ///
    /// # Errors
    /// The server does not answer, the branch is gone, or the local copy cannot be made.
    pub async fn tip(&self) -> Result<Option<CommitId>, GitError> {
        let interval = self.engine.settings.limits.fetch_interval;
        let known = self.engine.known();
        if let Some(known) = known.filter(|known| known.as_of.elapsed() < interval) {
            return Ok(known.tip.map(CommitId));
        }
        let hold = interval.min(FAILURE_HOLD);
        let failure = self.failure.lock().clone();
        if let Some((_, error)) = failure.filter(|(when, _)| when.elapsed() < hold) {
            return Err(error);
        }
        let engine = Arc::clone(&self.engine);
        let fetched = self.fetches.run(0, || fetch(engine)).await;
        let fetched = fetched.unwrap_or(Err(GitError::Internal));
        let failed = fetched.as_ref().err().cloned();
        *self.failure.lock() = failed.map(|error| (Instant::now(), error));
        fetched.map(|tip| tip.map(CommitId))
    }

    /// Reads from the branch as of its current tip, where blocking is allowed.
    ///
    /// The work runs again if the local copy turns out to be damaged, on one made anew.
    ///
    /// # Errors
    /// As for `tip`, and what the work says.
    pub async fn read<T, W>(&self, work: W) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnMut(&Tip<'_>) -> Result<T, GitError> + Send + 'static,
    {
        let mut work = work;
        let mut outcome = Err(GitError::Internal);
        for _ in 0..MOST_READS {
            let commit = self.tip().await?;
            (work, outcome) = self.read_at(commit, work).await?;
            match &outcome {
                Err(error) if error.blames_the_mirror() => {}
                _ => break,
            }
        }
        outcome
    }

    /// Changes the branch; returns once the server has taken the commit.
    ///
    /// The change shares a push with others that wait, and is computed again when the branch moved. After the deadline
    /// the error says whether nothing was written or that the outcome is not known. A caller that goes away does not
    /// take an accepted change back.
    ///
    /// # Errors
    /// What the change says, and everything that can keep a commit from the branch.
    pub async fn write(&self, change: Change, deadline: Instant) -> Result<Written, GitError> {
        let (pending, mut answer) = Pending::new(change, deadline.into_std());
        let stage = pending.ticket.stage.clone();
        match self.engine.queue.join(pending) {
            None => return Err(GitError::Overloaded),
            Some(true) => self.tasks.spawn(writer::write_all(Arc::clone(&self.engine))),
            Some(false) => {}
        }
        match timeout_at(deadline, &mut answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(stage.lose()),
            Err(_) => answer.try_recv().unwrap_or_else(|_| Err(stage.give_up())),
        }
    }

    /// Asks the server whether this credential may push to the branch, and where the branch is. Writes nothing.
    ///
    /// # Errors
    /// What keeps it from writing. A rule that refuses pushes shows only when one is tried.
    pub async fn check(&self) -> Result<Option<CommitId>, GitError> {
        let engine = Arc::clone(&self.engine);
        let tip = with_credentials(&engine, |engine, session| {
            engine.on_copy(|mirror, handle| {
                let advertised = transport::look(handle, session, Direction::Push)?;
                engine.tip_of(mirror, handle, advertised)
            })
        });
        Ok(tip.await?.map(CommitId))
    }

    async fn read_at<T, W>(
        &self,
        commit: Option<CommitId>,
        mut work: W,
    ) -> Result<(W, Result<T, GitError>), GitError>
    where
        T: Send + 'static,
        W: FnMut(&Tip<'_>) -> Result<T, GitError> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        let done = spawn_blocking(move || {
            let outcome = engine.on_copy(|mirror, handle| {
                match commit {
                    // The copy was exchanged since: this one may be behind, but it is not damaged.
                    Some(commit) if !transport::has(handle, commit.0) => {
                        mirror.forget(commit.0);
                        Ok(None)
                    }
                    _ => work(&Tip::new(handle, commit.map(|commit| commit.0))).map(Some),
                }
            });
            let outcome = outcome.and_then(|read| read.ok_or_else(lacks_the_commit));
            Ok((work, outcome))
        });
        done.await.unwrap_or(Err(GitError::Internal))
    }
}

impl std::fmt::Debug for GitRepository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GitRepository")
            .field("remote", &self.settings().remote)
            .field("branch", &self.settings().branch)
            .finish_non_exhaustive()
    }
}

fn lacks_the_commit() -> GitError {
    GitError::Mirror {
        reason: "it lacks the commit that is read".to_owned(),
    }
}

async fn fetch(engine: Arc<Engine>) -> Result<Option<Oid>, GitError> {
    with_credentials(&engine, Engine::fetch).await
}

/// Does blocking work with the credential; once more with a renewed one if the server refuses the first.
async fn with_credentials<T, W>(engine: &Arc<Engine>, work: W) -> Result<T, GitError>
where
    T: Send + 'static,
    W: Fn(&Engine, &Arc<Session>) -> Result<T, GitError> + Send + Sync + 'static,
{
    let work = Arc::new(work);
    let mut outcome = Err(GitError::Internal);
    for refused in [false, true] {
        let credentials = engine.credentials(refused).await?;
        let work = Arc::clone(&work);
        let conversation = engine.converse(credentials, move |engine, session| work(engine, session));
        outcome = conversation.await.flatten();
        if !matches!(outcome, Err(GitError::CredentialsRefused { .. })) {
            break;
        }
    }
    outcome
}

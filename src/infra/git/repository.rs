//! The face of a repository: read the branch, change it. Everything that blocks happens off the async runtime.

use std::{sync::Arc, time::Duration};

use git2::{Direction, Oid};
use parking_lot::Mutex;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};

use super::{
    commit::Change,
    credentials::Credentials,
    engine::{Engine, RepositorySettings},
    error::GitError,
    library::GitLibrary,
    pending::{Pending, Written},
    round::{self, Rest},
    tip::{CommitId, Tip},
    transport,
};
use crate::infra::{single_flight::SingleFlight, tasks::Tasks};

/// How long a failed fetch answers for those that come after it, unless the fetch interval is shorter.
const FAILURE_HOLD: Duration = Duration::from_secs(1);

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
    pub fn new(_library: GitLibrary, settings: RepositorySettings, tasks: Tasks) -> Self {
        Self {
            engine: Arc::new(Engine::new(settings)),
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
    /// The work runs a second time if the local copy turns out to be damaged, on one made anew.
    ///
    /// # Errors
    /// As for `tip`, and what the work says.
    pub async fn read<T, W>(&self, work: W) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnMut(&Tip<'_>) -> Result<T, GitError> + Send + 'static,
    {
        let commit = self.tip().await?;
        let (work, outcome) = self.read_at(commit, work).await?;
        match outcome {
            Err(error) if error.blames_the_mirror() => {
                self.make_anew(error).await?;
                let commit = self.tip().await?;
                self.read_at(commit, work).await?.1
            }
            outcome => outcome,
        }
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
        let (pending, mut answer) = Pending::new(change);
        let stage = pending.stage.clone();
        match self.engine.queue.join(pending) {
            None => return Err(GitError::Overloaded),
            Some(true) => self.tasks.spawn(write_all(Arc::clone(&self.engine))),
            Some(false) => {}
        }
        match timeout_at(deadline, &mut answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(stage.give_up()),
            Err(_) => answer.try_recv().unwrap_or_else(|_| Err(stage.give_up())),
        }
    }

    /// Asks the server whether this credential may push to the branch, and where the branch is. Writes nothing.
    ///
    /// # Errors
    /// What keeps it from writing. A rule that refuses pushes shows only when one is tried.
    pub async fn check(&self) -> Result<Option<CommitId>, GitError> {
        let engine = Arc::clone(&self.engine);
        let tip = with_credentials(&engine, |engine, credentials| {
            let mirror = engine.mirror()?;
            let repository = mirror.repository()?;
            let advertised = transport::look(&repository, &engine.access(credentials), Direction::Push)?;
            engine.tip_of(&mirror, &repository, advertised)
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
            let repository = engine.mirror()?.repository()?;
            let outcome = work(&Tip::new(&repository, commit.map(|commit| commit.0)));
            Ok((work, outcome))
        });
        done.await.unwrap_or(Err(GitError::Internal))
    }

    async fn make_anew(&self, because: GitError) -> Result<(), GitError> {
        let engine = Arc::clone(&self.engine);
        let done = spawn_blocking(move || engine.mirror().map(|mirror| mirror.discard(&because.to_string())));
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

/// Fetches; a damaged mirror is made anew once.
async fn fetch(engine: Arc<Engine>) -> Result<Option<Oid>, GitError> {
    let outcome = with_credentials(&engine, Engine::fetch).await;
    match outcome {
        Err(error) if error.blames_the_mirror() => {
            with_credentials(&engine, move |engine, credentials| {
                engine.mirror()?.discard(&error.to_string());
                engine.fetch(credentials)
            })
            .await
        }
        outcome => outcome,
    }
}

/// Does blocking work with the credential; once more with a renewed one if the server refuses the first.
async fn with_credentials<T, W>(engine: &Arc<Engine>, work: W) -> Result<T, GitError>
where
    T: Send + 'static,
    W: Fn(&Engine, Option<&Credentials>) -> Result<T, GitError> + Send + Sync + 'static,
{
    let work = Arc::new(work);
    let mut outcome = Err(GitError::Internal);
    for refused in [false, true] {
        let credentials = engine.credentials(refused).await?;
        let (engine, work) = (Arc::clone(engine), Arc::clone(&work));
        let done = spawn_blocking(move || work(&engine, credentials.as_ref())).await;
        outcome = done.unwrap_or(Err(GitError::Internal));
        if !matches!(outcome, Err(GitError::CredentialsRefused { .. })) {
            break;
        }
    }
    outcome
}

/// Serves the line of changes until nobody waits.
async fn write_all(engine: Arc<Engine>) {
    let mut rest = Rest::default();
    while !rest.changes.is_empty() || engine.queue.goes_on() {
        let refused = rest.refused;
        let credentials = match engine.credentials(refused).await {
            Ok(credentials) => credentials,
            Err(error) => {
                refuse_all(&engine, std::mem::take(&mut rest.changes), &error);
                rest.refused = false;
                continue;
            }
        };
        let (changes, worker) = (std::mem::take(&mut rest.changes), Arc::clone(&engine));
        let done = spawn_blocking(move || round::run(&worker, changes, credentials.as_ref(), refused));
        // A round that panicked drops its changes, and those who wait learn that the outcome is not known.
        rest = done.await.unwrap_or_default();
        if let Some(pause) = rest.pause {
            sleep(pause).await;
        }
    }
}

fn refuse_all(engine: &Engine, changes: Vec<Pending>, error: &GitError) {
    for pending in changes.into_iter().chain(engine.queue.take(usize::MAX)) {
        let answer = if pending.is_undecided() {
            GitError::Undecided
        } else {
            error.clone()
        };
        pending.answer(Err(answer));
    }
}

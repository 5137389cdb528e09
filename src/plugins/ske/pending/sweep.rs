//! Asks what became of pull requests, and gives up what nobody waits for any more.

use std::{collections::HashSet, time::Duration};

use indexmap::IndexMap;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Pending,
    ending::News,
    lifecycle::{Outcome, Verdict, after_review, stale_before},
    request::PendingRequest,
    store::Store,
    trouble::is_silence,
};
use crate::{
    backstage::integrations::{HostError, Looked, PullRequestAddress, PullRequestState, RepositoryAddress},
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::{config::Mode, domain::Writable},
};

/// Records asked about in one round, those asked about longest ago first.
const MOST_REVIEWED: i64 = 2_000;

/// Records given up in one round.
const MOST_STALE: i64 = 1_000;

/// Numbers of which a look may say nothing although it asked for them, at most as many as a look asks for one by one. The
/// others did not have their turn.
const MOST_UNKNOWN: usize = 100;

/// Told once, not for each repository: the callers name them.
const UNLISTED: &str = "Pull requests are recorded in repositories that stagedoor.ske.repositories does not list; what becomes of \
                        those is not asked, and their requests go when the resource is seen or with time";

/// Repositories are asked up to this long apart, so that a host is not met by all at once.
const SPREAD: u64 = 300;

/// The records of one repository, by number of their pull request, those asked about longest ago first. A Template may
/// record several with the same.
type ByNumber = IndexMap<u64, Vec<PendingRequest>>;

impl Pending {
    /// One round, by one replica. `ask` is told a repository and numbers in the order in which they matter, and says
    /// what it could see; what it could not see stays as it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub(in crate::plugins::ske) async fn sweep<F, A>(&self, ask: F) -> Result<(), DatabaseError>
    where
        F: Fn(RepositoryAddress, Vec<u64>) -> A,
        A: Future<Output = Looked>,
    {
        let Some(store) = self.store().await? else {
            return Ok(());
        };
        let work = async {
            self.review(&store, ask).await?;
            self.give_up(&store).await
        };
        self.database
            .alone("pending-sweep", work)
            .await?
            .unwrap_or(Ok(()))
    }

    async fn review<F, A>(&self, store: &Store, ask: F) -> Result<(), DatabaseError>
    where
        F: Fn(RepositoryAddress, Vec<u64>) -> A,
        A: Future<Output = Looked>,
    {
        let open = store.to_review(MOST_REVIEWED).await?;
        let (began, mut silent) = (unix_seconds(), HashSet::new());
        for request in &open {
            store.reviewed(&request.id, began).await?;
        }
        for (number, (repository, requests)) in self.by_repository(open).into_iter().enumerate() {
            // Looked up each time, since a round may outlast a reload.
            if !self.lists(&repository) {
                continue;
            }
            if silent.contains(repository.host()) {
                let missed: Vec<_> = requests.values().flatten().collect();
                had_no_turn(store, &missed, began).await?;
                continue;
            }
            if number > 0 {
                tokio::time::sleep(apart()).await;
            }
            let looked = ask(repository.clone(), requests.keys().copied().collect()).await;
            self.tell_trouble(&repository, looked.trouble.as_ref());
            if looked.trouble.as_ref().is_some_and(is_silence) {
                silent.insert(repository.host().to_owned());
            }
            had_no_turn(store, &missed(&requests, &looked), began).await?;
            for (number, state) in looked.states {
                for request in requests.get(&number).into_iter().flatten() {
                    self.take_in(store, request, outcome(state)).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells what is wrong with a repository, or with its whole host, unless that was told already.
    fn tell_trouble(&self, repository: &RepositoryAddress, trouble: Option<&HostError>) {
        let (host, name) = (repository.host(), repository.to_string());
        let Some(trouble) = trouble else {
            if [host, &name]
                .map(|with| self.troubles.is_over(with))
                .contains(&true)
            {
                info!(repository = name, "Pull requests can be asked about again");
            }
            return;
        };
        let with = if is_silence(trouble) { host } else { &name };
        let words = match trouble.wait() {
            // It is another in each round.
            Some(_) => "a limit".to_owned(),
            None => trouble.to_string(),
        };
        if self.troubles.is_news(with, &words) {
            warn!(repository = name, reason = %trouble, "Not every pull request could be asked about; its requests stay");
        }
    }

    /// Whether the operator opened the repository: elsewhere the credential may see what the caller who recorded may not.
    fn lists(&self, repository: &RepositoryAddress) -> bool {
        let config = self.config.get();
        let scm = config.scm.as_ref();
        let scm = scm.and_then(|scm| RepositoryAddress::parse(scm.remote.as_str()).ok());
        let listed = Writable::find(&config.repositories, repository).is_ok()
            || scm.is_some_and(|scm| scm.is(repository));
        if !listed && self.troubles.is_news(UNLISTED, UNLISTED) {
            info!("{UNLISTED}");
        }
        listed
    }

    /// Leaves out whose host is no longer configured, and keeps the order.
    fn by_repository(&self, open: Vec<PendingRequest>) -> IndexMap<RepositoryAddress, ByNumber> {
        let config = self.config.get();
        let mut repositories: IndexMap<RepositoryAddress, ByNumber> = IndexMap::new();
        for request in open {
            let url = request.pull_request_url.as_deref().unwrap_or_default();
            if let Ok(address) = PullRequestAddress::parse(url, &config.integrations) {
                let numbers = repositories.entry(address.repository).or_default();
                numbers.entry(address.number).or_default().push(request);
            }
        }
        repositories
    }

    async fn take_in(
        &self,
        store: &Store,
        request: &PendingRequest,
        outcome: Outcome,
    ) -> Result<(), DatabaseError> {
        let lands_at_once = self.config.get().mode == Mode::GitOps && self.shows(request);
        match after_review(request, outcome, lands_at_once) {
            Verdict::Stay => store.seen(&request.id, unix_seconds()).await,
            Verdict::Merged => {
                if store.merged(request, unix_seconds()).await? {
                    self.changed();
                    self.notify(request, News::Approved);
                }
                Ok(())
            }
            Verdict::Withdraw if outcome == Outcome::Rejected => {
                self.withdraw(store, request, News::TurnedDown).await
            }
            Verdict::Withdraw => self.withdraw(store, request, News::Landed).await,
        }
    }

    async fn give_up(&self, store: &Store) -> Result<(), DatabaseError> {
        for request in store.stale(stale_before(unix_seconds()), MOST_STALE).await? {
            self.withdraw(store, &request, News::of_stale(&request)).await?;
        }
        Ok(())
    }
}

/// Those that a look could not get to.
fn missed<'a>(requests: &'a ByNumber, looked: &Looked) -> Vec<&'a PendingRequest> {
    let unknown = requests
        .iter()
        .filter(|(number, _)| !looked.states.contains_key(*number));
    let missed = unknown.skip(MOST_UNKNOWN);
    missed.flat_map(|(_, requests)| requests).collect()
}

/// Lets them come before those that had their turn in the round that began then.
async fn had_no_turn(store: &Store, missed: &[&PendingRequest], began: i64) -> Result<(), DatabaseError> {
    for request in missed {
        store.reviewed(&request.id, began - 1).await?;
    }
    Ok(())
}

fn outcome(state: PullRequestState) -> Outcome {
    match state {
        PullRequestState::Open => Outcome::Open,
        PullRequestState::Merged => Outcome::Merged,
        PullRequestState::Closed => Outcome::Rejected,
    }
}

fn apart() -> Duration {
    Duration::from_millis(Uuid::new_v4().as_u64_pair().0 % SPREAD)
}

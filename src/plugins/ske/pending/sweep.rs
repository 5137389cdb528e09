//! Asks what became of pull requests, and gives up what nobody waits for any more.

use std::{collections::BTreeMap, time::Duration};

use tracing::warn;
use uuid::Uuid;

use super::{
    Pending,
    ending::News,
    lifecycle::{Outcome, Verdict, after_review, stale_before},
    request::PendingRequest,
    store::Store,
};
use crate::{
    backstage::integrations::{Looked, PullRequestAddress, PullRequestState, RepositoryAddress},
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::config::Mode,
};

/// Records asked about in one round, those asked about longest ago first.
const MOST_REVIEWED: i64 = 2_000;

/// Records given up in one round.
const MOST_STALE: i64 = 1_000;

/// Repositories are asked up to this long apart, so that a host is not met by all at once.
const SPREAD: u64 = 300;

/// The records of one repository, by number of their pull request; a Template may record one of several.
type ByNumber = BTreeMap<u64, Vec<PendingRequest>>;

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
        let Some(pool) = self.database.existing().await? else {
            return Ok(());
        };
        let store = Store(pool);
        let work = async {
            self.review(&store, ask).await?;
            self.give_up(&store).await
        };
        self.database
            .alone("pending-sweep", self.telling(&store, work))
            .await?
            .unwrap_or(Ok(()))
    }

    async fn review<F, A>(&self, store: &Store, ask: F) -> Result<(), DatabaseError>
    where
        F: Fn(RepositoryAddress, Vec<u64>) -> A,
        A: Future<Output = Looked>,
    {
        let open = store.to_review(MOST_REVIEWED).await?;
        for request in &open {
            store.reviewed(&request.id, unix_seconds()).await?;
        }
        for (number, (repository, requests)) in self.by_repository(open).into_iter().enumerate() {
            if number > 0 {
                tokio::time::sleep(apart()).await;
            }
            let numbers = in_turn(&requests);
            let looked = ask(repository.clone(), numbers).await;
            if let Some(trouble) = &looked.trouble {
                let repository = repository.to_string();
                warn!(repository, reason = %trouble, "Not every pull request could be asked about; its requests stay");
            }
            for (number, state) in looked.states {
                for request in requests.get(&number).into_iter().flatten() {
                    self.take_in(store, request, outcome(state)).await?;
                }
            }
        }
        Ok(())
    }

    /// Leaves out whose host is no longer configured.
    fn by_repository(&self, open: Vec<PendingRequest>) -> BTreeMap<RepositoryAddress, ByNumber> {
        let config = self.config.get();
        let mut repositories: BTreeMap<RepositoryAddress, ByNumber> = BTreeMap::new();
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
            Verdict::Stay => Ok(()),
            Verdict::Merged => {
                if store.merged(request, unix_seconds()).await? {
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
            self.withdraw(store, &request, News::GivenUp).await?;
        }
        Ok(())
    }
}

/// The numbers as their records came: those asked about longest ago first.
fn in_turn(requests: &ByNumber) -> Vec<u64> {
    let mut numbers: Vec<_> = requests.iter().collect();
    let oldest = |requests: &[PendingRequest]| requests.iter().map(|request| request.updated_at).min();
    numbers.sort_by_key(|(_, requests)| oldest(requests));
    numbers.into_iter().map(|(number, _)| *number).collect()
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

//! Looks at the platform for what was asked for, without anybody's token.

use std::collections::HashSet;

use tracing::{info, warn};

use super::{
    Pending,
    ending::News,
    known::key_of,
    lifecycle::Sight,
    list::Filter,
    store::{Fingerprint, Store},
    trouble::is_outage,
};
use crate::{
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::{domain::ObjectRef, error::SkeError},
};

/// Objects looked at in one round; the others have their turn in the next ones.
const MOST_LOOKS: i64 = 200;

/// Records read at a time.
const PAGE: i64 = 1_000;

/// What troubles with it are told under.
const PLATFORM: &str = "platform";

/// Why nothing was seen.
#[derive(Debug)]
pub(in crate::plugins::ske) enum Unseen {
    /// Only a person's own sign-in would do.
    NeedsUser,
    /// This object could not be looked at.
    Failed(SkeError),
}

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Round {
    /// It was done, or is being done by another replica, or there is nothing to do.
    Done,
    /// It was skipped: it needs a user.
    NeedsUser,
}

impl Pending {
    /// One round: withdraws what has come about. What cannot be seen stays.
    ///
    /// # Errors
    /// The database does not answer.
    pub(in crate::plugins::ske) async fn refresh<F, L>(&self, look: F) -> Result<Round, DatabaseError>
    where
        F: Fn(ObjectRef) -> L,
        L: Future<Output = Result<Sight, Unseen>>,
    {
        let Some(store) = self.store().await? else {
            return Ok(Round::Done);
        };
        self.learn(&store).await?;
        let round = self
            .database
            .alone("pending-refresh", self.look_around(&store, look));
        round.await?.unwrap_or(Ok(Round::Done))
    }

    /// Learns what other replicas, or an earlier run, have recorded.
    pub(super) async fn learn(&self, store: &Store) -> Result<(), DatabaseError> {
        if self.known.is_as_of(store.fingerprint().await?) {
            return Ok(());
        }
        let (mut as_of, mut objects, mut after) = (Fingerprint::default(), HashSet::new(), String::new());
        loop {
            let page = store.list(&Filter::default(), &after, PAGE).await?;
            page.iter().for_each(|request| as_of.add(request));
            objects.extend(page.iter().map(key_of));
            match page.last() {
                Some(last) if page.len() as i64 == PAGE => after.clone_from(&last.id),
                _ => break,
            }
        }
        self.known.replace(as_of, objects);
        Ok(())
    }

    /// Looks at one after the other, until the platform as a whole is not to be seen: it would not be for the next either.
    async fn look_around<F, L>(&self, store: &Store, look: F) -> Result<Round, DatabaseError>
    where
        F: Fn(ObjectRef) -> L,
        L: Future<Output = Result<Sight, Unseen>>,
    {
        let mut failed: Option<SkeError> = None;
        for request in store.to_look_at(MOST_LOOKS).await? {
            store.looked(&request.id, unix_seconds()).await?;
            let Some(object) = request.object().filter(|_| self.shows(&request)) else {
                continue;
            };
            match look(object).await {
                Ok(sight) => {
                    if self.has_come_about(store, &request, &sight).await? {
                        let news = News::of_sight(&request, &sight);
                        self.withdraw(store, &request, news).await?;
                    }
                }
                Err(Unseen::NeedsUser) => return Ok(Round::NeedsUser),
                Err(Unseen::Failed(error)) => {
                    let ends = is_outage(&error);
                    failed = failed.or(Some(error));
                    if ends {
                        break;
                    }
                }
            }
        }
        self.tell_failed(failed);
        Ok(Round::Done)
    }

    fn tell_failed(&self, failed: Option<SkeError>) {
        match failed {
            Some(error) if self.troubles.is_news(PLATFORM, &error.to_string()) => {
                warn!(reason = %error, "Not every pending request could be looked up; what was not seen stays");
            }
            None if self.troubles.is_over(PLATFORM) => info!("Pending requests can be looked up again"),
            _ => {}
        }
    }
}

//! Looks at the platform for what was asked for, without anybody's token.

use std::collections::HashSet;

use tracing::warn;

use super::{
    Pending,
    ending::News,
    known::key_of,
    lifecycle::{Sight, is_settled},
    list::Filter,
    store::Store,
};
use crate::{
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::{domain::ObjectRef, error::SkeError},
};

/// Objects looked at in one round; the others have their turn in the next ones.
const MOST_LOOKS: i64 = 200;

/// Records read at a time.
const PAGE: i64 = 1_000;

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
        let Some(pool) = self.database.existing().await? else {
            return Ok(Round::Done);
        };
        let store = Store(pool);
        self.learn(&store).await?;
        let round = self.database.alone(
            "pending-refresh",
            self.telling(&store, self.look_around(&store, look)),
        );
        round.await?.unwrap_or(Ok(Round::Done))
    }

    /// Learns what other replicas, or an earlier run, have recorded.
    async fn learn(&self, store: &Store) -> Result<(), DatabaseError> {
        let now = store.fingerprint().await?;
        if self.known.is_as_of(now) {
            return Ok(());
        }
        let (mut objects, mut after) = (HashSet::new(), String::new());
        loop {
            let page = store.list(&Filter::default(), &after, PAGE).await?;
            objects.extend(page.iter().map(key_of));
            match page.last() {
                Some(last) if page.len() as i64 == PAGE => after.clone_from(&last.id),
                _ => break,
            }
        }
        self.known.replace(now, objects);
        Ok(())
    }

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
                Ok(sight) if is_settled(&request, sight) => {
                    self.withdraw(store, &request, News::CameAbout).await?
                }
                Ok(_) => {}
                Err(Unseen::NeedsUser) => return Ok(Round::NeedsUser),
                Err(Unseen::Failed(error)) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            warn!(reason = %error, "Not every pending request could be looked up; what was not seen stays");
        }
        Ok(Round::Done)
    }
}

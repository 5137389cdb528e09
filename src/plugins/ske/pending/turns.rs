//! Whose turn a round is. Each replica would begin one in each period; but what a round asks of the platform and of the
//! code hosts need be asked once, however many replicas there are.

use std::{ops::RangeInclusive, time::Duration};

use parking_lot::Mutex;

use super::{
    Pending,
    lifecycle::Sight,
    refresh::{Round, Unseen},
};
use crate::{
    backstage::integrations::{Looked, RepositoryAddress},
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::domain::ObjectRef,
};

/// When this replica did its last round of a kind: what it noted then is no reason to leave the next one to others.
#[derive(Debug, Default)]
pub(super) struct Own(Mutex<Option<RangeInclusive<i64>>>);

impl Own {
    /// Whether another replica did a round at this moment, so lately that this period needs no further one.
    fn is_done(&self, moment: i64, period: Duration) -> bool {
        let ours = self.0.lock().as_ref().is_some_and(|own| own.contains(&moment));
        !ours && is_recent(moment, period)
    }

    /// Does a round and remembers when.
    async fn round<T>(&self, work: impl Future<Output = T>) -> T {
        // What had no turn is noted as of the second before.
        let began = unix_seconds() - 1;
        let done = work.await;
        *self.0.lock() = Some(began..=unix_seconds());
        done
    }
}

impl Pending {
    /// A look at the platform, unless another replica had one in the last half of the period; then it is only learned what
    /// others recorded.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn refresh_in_turn<F, L>(
        &self,
        period: Duration,
        look: F,
    ) -> Result<Round, DatabaseError>
    where
        F: Fn(ObjectRef) -> L,
        L: Future<Output = Result<Sight, Unseen>>,
    {
        let Some(store) = self.store().await? else {
            return Ok(Round::Done);
        };
        if self.looks.is_done(store.last_looked().await?, period) {
            self.learn(&store).await?;
            return Ok(Round::Done);
        }
        self.looks.round(self.refresh(look)).await
    }

    /// A question to the code hosts, unless another replica asked in the last half of the period.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn sweep_in_turn<F, A>(&self, period: Duration, ask: F) -> Result<(), DatabaseError>
    where
        F: Fn(RepositoryAddress, Vec<u64>) -> A,
        A: Future<Output = Looked>,
    {
        let Some(store) = self.store().await? else {
            return Ok(());
        };
        if self.reviews.is_done(store.last_reviewed().await?, period) {
            return Ok(());
        }
        self.reviews.round(self.sweep(ask)).await
    }
}

/// Half a period, since no replica waits less than a whole one. A moment that lies further ahead is of a clock that is
/// wrong, and keeps nobody.
fn is_recent(moment: i64, period: Duration) -> bool {
    let half = period.as_secs() / 2;
    unix_seconds().abs_diff(moment) < half.max(1)
}

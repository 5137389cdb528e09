//! Whose turn a round is. Each replica would begin one in each period; but what a round asks of the platform and of the
//! code hosts need be asked once, however many replicas there are.

use std::time::Duration;

use super::{
    Pending,
    lifecycle::Sight,
    refresh::{Round, Unseen},
    store::Store,
};
use crate::{
    backstage::integrations::{Looked, RepositoryAddress},
    infra::{clock::unix_seconds, database::DatabaseError},
    plugins::ske::domain::ObjectRef,
};

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
        let Some(pool) = self.database.existing().await? else {
            return Ok(Round::Done);
        };
        let store = Store(pool);
        if is_recent(store.last_looked().await?, period) {
            self.learn(&store).await?;
            return Ok(Round::Done);
        }
        self.refresh(look).await
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
        let Some(pool) = self.database.existing().await? else {
            return Ok(());
        };
        if is_recent(Store(pool).last_reviewed().await?, period) {
            return Ok(());
        }
        self.sweep(ask).await
    }
}

/// Half a period, since no replica waits less than a whole one. A moment that lies further ahead is of a clock that is
/// wrong, and keeps nobody.
fn is_recent(moment: i64, period: Duration) -> bool {
    let half = period.as_secs() / 2;
    unix_seconds().abs_diff(moment) < half.max(1)
}

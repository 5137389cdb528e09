//! Lists recorded requests.

use super::{LIST_PENDING, Ske};
use crate::{
    backstage::auth::Credentials,
    plugins::ske::{
        error::SkeError,
        pending::{Filter, Page},
    },
};

impl Ske {
    /// Returns the records that fit, from behind the cursor on.
    ///
    /// # Errors
    /// The caller may not see them, or storage does not answer.
    pub(in crate::plugins::ske) async fn list_pending_requests(
        &self,
        caller: &Credentials,
        filter: &Filter,
        (after, limit): (&str, u16),
    ) -> Result<Page, SkeError> {
        self.authorize(caller, &LIST_PENDING).await?;
        Ok(self.pending.list(filter, after, limit).await?)
    }
}

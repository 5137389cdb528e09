//! Records a request that was submitted.

use std::sync::Arc;

use serde_json::json;

use super::{PENDING_MUTATE, RECORD, Ske};
use crate::{
    backstage::auth::Credentials,
    plugins::ske::{
        error::SkeError,
        pending::{RecordInput, Recorded},
    },
};

impl Ske {
    /// Records it in the caller's name; the same key again replaces what was recorded.
    ///
    /// # Errors
    /// The caller may not, or comes on a way that may not write; the input cannot be used; storage does not answer.
    pub(in crate::plugins::ske) async fn record_request(
        self: &Arc<Self>,
        caller: &Credentials,
        input: RecordInput,
    ) -> Result<Recorded, SkeError> {
        let trail = self.audit.begin(PENDING_MUTATE, caller, || input.about());
        let (ske, caller) = (Arc::clone(self), caller.clone());
        let work = async move { ske.permitted_record(&caller, input).await };
        let more = |recorded: &Recorded| json!({ "entityRef": recorded.entity_ref });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }

    async fn permitted_record(&self, caller: &Credentials, input: RecordInput) -> Result<Recorded, SkeError> {
        self.authorize(caller, &RECORD).await?;
        let came_right = self.settings().await.write_callers.admit(caller);
        came_right.map_err(SkeError::Backstage)?;
        self.pending.record(caller, input).await
    }
}

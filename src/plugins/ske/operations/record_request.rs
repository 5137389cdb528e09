//! Records a request that was submitted.

use std::sync::Arc;

use serde_json::json;

use super::{Judged, PENDING_MUTATE, Ske};
use crate::{
    backstage::auth::Credentials,
    infra::clock::unix_seconds,
    plugins::ske::{
        error::SkeError,
        pending::{RecordInput, Recorded},
    },
};

impl Ske {
    /// Records it in the caller's name; the same key again replaces what the same caller recorded.
    ///
    /// # Errors
    /// The input cannot be used; another caller's request for the same object is pending; storage does not answer.
    pub(in crate::plugins::ske) async fn record_request(
        self: &Arc<Self>,
        caller: &Judged,
        input: RecordInput,
    ) -> Result<Recorded, SkeError> {
        let trail = self.audit.begin(PENDING_MUTATE, caller, || input.about());
        let (ske, caller) = (Arc::clone(self), caller.clone());
        let work = async move { ske.record_or_settle(&caller, input).await };
        let more = |recorded: &Recorded| json!({ "entityRef": recorded.entity_ref });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }

    async fn record_or_settle(&self, caller: &Credentials, input: RecordInput) -> Result<Recorded, SkeError> {
        let began = unix_seconds();
        let recorded = self.pending.record(caller, input.clone()).await;
        let Err(SkeError::PendingForAnother { object, .. }) = &recorded else {
            return recorded;
        };
        // It may have come about since the last round looked.
        let Ok(sight) = self.look(object.clone()).await else {
            return recorded;
        };
        self.pending.settle(object, began, &sight).await?;
        self.pending.record(caller, input).await
    }
}

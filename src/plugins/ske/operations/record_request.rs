//! Records a request that was submitted.

use std::sync::Arc;

use serde_json::json;

use super::{Judged, PENDING_MUTATE, Ske};
use crate::plugins::ske::{
    error::SkeError,
    pending::{RecordInput, Recorded},
};

impl Ske {
    /// Records it in the caller's name; the same key again replaces what was recorded.
    ///
    /// # Errors
    /// The input cannot be used; storage does not answer.
    pub(in crate::plugins::ske) async fn record_request(
        self: &Arc<Self>,
        caller: &Judged,
        input: RecordInput,
    ) -> Result<Recorded, SkeError> {
        let trail = self.audit.begin(PENDING_MUTATE, caller, || input.about());
        let (ske, caller) = (Arc::clone(self), caller.clone());
        let work = async move { ske.pending.record(&caller, input).await };
        let more = |recorded: &Recorded| json!({ "entityRef": recorded.entity_ref });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }
}

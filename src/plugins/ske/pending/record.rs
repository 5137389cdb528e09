//! Records a request after it was submitted.

use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use super::{
    Pending, entity,
    input::{NewRequest, RecordInput},
    request::PendingRequest,
    store::{MOST_RECORDS, Store},
};
use crate::{
    backstage::{auth::Credentials, user_text::encode_user_text},
    infra::{clock::unix_seconds, database::DatabaseError, parsing::parsed},
    plugins::ske::error::SkeError,
};

/// Pauses before storage is tried again; a person waits, and a restart of the database takes about as long.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// What was recorded.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Recorded {
    /// The entity that the catalog will have.
    pub(in crate::plugins::ske) entity_ref: String,
}

impl Pending {
    /// Records the request in the caller's name; the same key again replaces what was recorded.
    ///
    /// # Errors
    /// The input cannot be used, or storage does not answer after several tries; the sentence then says that the
    /// resource itself was submitted.
    pub(in crate::plugins::ske) async fn record(
        &self,
        caller: &Credentials,
        input: RecordInput,
    ) -> Result<Recorded, SkeError> {
        let config = self.config.get();
        let request = parsed(move || NewRequest::of(input, &config.integrations)).await?;
        let recorded = self.store_patiently(caller, &request).await?;
        let recorded = recorded.ok_or(SkeError::TooManyPending(MOST_RECORDS))?;
        self.known.add(&recorded);
        self.changed();
        let principal = encode_user_text(caller.subject().unwrap_or("nobody"));
        let object = encode_user_text(&format!("{}/{}", recorded.namespace, recorded.name));
        info!(
            principal,
            object,
            action = recorded.action.word(),
            "Recorded a pending request for {} {object}",
            recorded.kind
        );
        Ok(Recorded {
            entity_ref: entity::reference(&recorded),
        })
    }

    async fn store_patiently(
        &self,
        caller: &Credentials,
        request: &NewRequest,
    ) -> Result<Option<PendingRequest>, SkeError> {
        let mut pauses = PAUSES.iter();
        loop {
            let stored = async {
                let store = Store(self.database.pool().await?);
                store.record(request, caller.subject(), unix_seconds()).await
            };
            let error: DatabaseError = match stored.await {
                Ok(recorded) => return Ok(recorded),
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                return Err(SkeError::NotRecorded(error));
            };
            warn!(reason = %error, "A pending request could not be recorded yet; it is tried again");
            tokio::time::sleep(*pause).await;
        }
    }
}

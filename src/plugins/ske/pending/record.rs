//! Records a request after it was submitted.

use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use super::{
    Pending,
    ending::News,
    entity,
    input::{NewRequest, RecordInput},
    lifecycle::stale_before,
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

/// What is recorded under the key of a new request.
enum Kept {
    /// The new one.
    New(PendingRequest),
    /// Still that of another caller.
    Anothers(PendingRequest),
    /// Nothing: there are too many.
    Nothing,
}

impl Pending {
    /// Records the request in the caller's name; the same key again replaces what the same caller recorded.
    ///
    /// # Errors
    /// The input cannot be used, another caller's request is recorded under the key, or storage does not answer after several tries; the sentence then says that the
    /// resource itself was submitted.
    pub(in crate::plugins::ske) async fn record(
        &self,
        caller: &Credentials,
        input: RecordInput,
    ) -> Result<Recorded, SkeError> {
        let config = self.config.get();
        let request = parsed(move || NewRequest::of(input, &config.integrations)).await?;
        let recorded = match self.store_patiently(caller, &request).await? {
            Kept::New(recorded) => recorded,
            // One record of a pull request is enough, and stays as it is.
            Kept::Anothers(theirs) if request.is_same_review(&theirs) => return Ok(Recorded::of(&theirs)),
            Kept::Anothers(theirs) => return Err(anothers(request, &theirs)),
            Kept::Nothing => return Err(SkeError::TooManyPending(MOST_RECORDS)),
        };
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
        Ok(Recorded::of(&recorded))
    }

    async fn store_patiently(&self, caller: &Credentials, request: &NewRequest) -> Result<Kept, SkeError> {
        let mut pauses = PAUSES.iter();
        loop {
            let stored = async {
                let store = Store(self.database.pool().await?);
                self.keep(&store, request, caller.subject()).await
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

    /// Records the request, unless another caller's is in its place that has not had its time.
    async fn keep(
        &self,
        store: &Store,
        request: &NewRequest,
        caller: Option<&str>,
    ) -> Result<Kept, DatabaseError> {
        let now = unix_seconds();
        if let Some(recorded) = store.record(request, caller, now).await? {
            return Ok(Kept::New(recorded));
        }
        let Some(theirs) = store.of_key(request).await? else {
            return Ok(Kept::Nothing);
        };
        if !stale_before(now).covers(&theirs) {
            return Ok(Kept::Anothers(theirs));
        }
        self.withdraw(store, &theirs, News::of_stale(&theirs)).await?;
        let recorded = store.record(request, caller, now).await?;
        Ok(recorded.map_or(Kept::Anothers(theirs), Kept::New))
    }
}

impl Recorded {
    fn of(request: &PendingRequest) -> Self {
        Self {
            entity_ref: entity::reference(request),
        }
    }
}

fn anothers(request: NewRequest, theirs: &PendingRequest) -> SkeError {
    SkeError::PendingForAnother {
        object: request.object,
        action: theirs.action.word(),
        owner: encode_user_text(theirs.requested_by.as_deref().unwrap_or_default()),
    }
}

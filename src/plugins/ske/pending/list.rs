//! What is recorded, for whoever may see it.

use serde::Serialize;

use super::{
    Pending, entity,
    request::{Action, PendingRequest, Phase},
};
use crate::infra::database::DatabaseError;

/// Records in one answer unless fewer are asked for; each is a few hundred bytes.
pub(in crate::plugins::ske) const MOST_LISTED: u16 = 500;

/// Which records; an absent part fits all.
#[derive(Debug, Clone, Default)]
pub(in crate::plugins::ske) struct Filter {
    pub(in crate::plugins::ske) promise: Option<String>,
    pub(in crate::plugins::ske) namespace: Option<String>,
    pub(in crate::plugins::ske) name: Option<String>,
    pub(in crate::plugins::ske) kind: Option<String>,
}

/// Some records, and where the next ones begin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Page {
    items: Vec<Item>,
    /// Given as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A record as it is shown: all but the manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    entity_ref: String,
    promise_name: String,
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    action: Action,
    phase: Phase,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_repo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    /// Seconds since 1970.
    created_at: i64,
    updated_at: i64,
}

impl Pending {
    /// Returns the records that fit, from behind the cursor on.
    ///
    /// # Errors
    /// The database does not answer.
    pub(in crate::plugins::ske) async fn list(
        &self,
        filter: &Filter,
        after: &str,
        limit: u16,
    ) -> Result<Page, DatabaseError> {
        let limit = limit.clamp(1, MOST_LISTED);
        let Some(store) = self.store().await? else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        // One more tells whether there is a next page.
        let mut found = store.list(filter, after, i64::from(limit) + 1).await?;
        let has_more = found.len() > usize::from(limit);
        found.truncate(usize::from(limit));
        let next = found.last().filter(|_| has_more).map(|last| last.id.clone());
        Ok(Page {
            items: found.into_iter().map(Item::from).collect(),
            next,
        })
    }
}

impl From<PendingRequest> for Item {
    fn from(request: PendingRequest) -> Self {
        Self {
            entity_ref: entity::reference(&request),
            api_version: request.api_version(),
            phase: request.phase(),
            promise_name: request.promise,
            kind: request.kind,
            namespace: request.namespace,
            name: request.name,
            action: request.action,
            pull_request_url: request.pull_request_url,
            requests_repo_url: request.repository,
            requested_by: request.requested_by,
            created_at: request.created_at,
            updated_at: request.updated_at,
        }
    }
}

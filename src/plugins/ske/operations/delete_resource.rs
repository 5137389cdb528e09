//! Deletes one object.

use std::sync::Arc;

use serde_json::{Value, json};
use tracing::info;

use super::{
    Backing, DELETE, Judged, MUTATE, Ske, about,
    git::{Asked, Committing},
    logged, warnings, without_bookkeeping,
};
use crate::{
    backstage::{auth::Credentials, user_text::encode_user_text},
    plugins::ske::{
        domain::{ObjectRef, Operation},
        error::SkeError,
        repository::{RepositoryError, Seen},
    },
};

impl Ske {
    /// Deletes the object.
    ///
    /// In kubernetes mode that returns the cluster's answer: a `Status`, or the object while finalizers run, with
    /// `warnings` added when a GitOps tool will bring it back. Else it returns the `commitHash`.
    ///
    /// # Errors
    /// `Absent` when it is not there.
    pub(in crate::plugins::ske) async fn delete_resource(
        self: &Arc<Self>,
        caller: &Judged,
        object: &ObjectRef,
    ) -> Result<Value, SkeError> {
        let about = || about("actionType", "delete", object);
        let trail = self.audit.begin(MUTATE, caller, about);
        let (ske, caller, object) = (Arc::clone(self), caller.clone(), object.clone());
        let work = async move { ske.permitted_deletion(&caller, &object).await };
        let more = |answer: &Value| json!({ "commit": answer["commitHash"] });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }

    async fn permitted_deletion(&self, caller: &Judged, object: &ObjectRef) -> Result<Value, SkeError> {
        match &self.backing {
            Backing::Kubernetes(_) => self.delete_at_cluster(caller, object).await,
            Backing::GitOps(repository) | Backing::Hybrid(_, repository) => {
                let asked = Asked {
                    caller,
                    object,
                    verdicts: caller.verdicts(),
                };
                let committing = Committing::begin(self, repository, asked, Operation::Delete).await?;
                let commit = delete_in_git(&committing).await?;
                Ok(json!({ "commitHash": commit }))
            }
        }
    }

    async fn delete_at_cluster(&self, caller: &Credentials, object: &ObjectRef) -> Result<Value, SkeError> {
        let session = self.session(caller).await?;
        let target = session.target(object, Operation::Delete).await?;
        // The answer may be a bare Status. Who may delete but not read gets no warning.
        let before = match session.get(&target).await {
            Err(absent @ SkeError::Absent(_)) => return Err(absent),
            found => found.map(|answer| answer.body).unwrap_or_default(),
        };
        let deleted = session
            .cluster()
            .delete(session.identity(), &target.address)
            .await;
        let answer = match deleted {
            Ok(answer) => answer,
            Err(error) => return Err(session.failed(&target, true, error).await),
        };
        let principal = encode_user_text(caller.subject().unwrap_or("nobody"));
        let object = logged(&target.object);
        info!(principal, object, "Deleted {object}");
        let mut body = without_bookkeeping(answer.body);
        let warnings = warnings(&before, answer.warnings);
        if let Some(fields) = body.as_object_mut().filter(|_| !warnings.is_empty()) {
            fields.insert("warnings".to_owned(), warnings.into());
        }
        Ok(body)
    }
}

async fn delete_in_git(committing: &Committing<'_>) -> Result<Option<String>, SkeError> {
    if committing.seen().await? == Seen::Absent {
        return Err(nowhere_in_git(committing).await);
    }
    committing.permit(&DELETE, "delete").await?;
    committing.try_deletion().await?;
    let commit = committing.repository.delete(committing.order(None)).await?;
    Ok(committing.told("Deleted", commit))
}

/// What the repository does not have may still be on the platform, where no commit would take it away.
async fn nowhere_in_git(committing: &Committing<'_>) -> SkeError {
    match committing.live().await {
        Some(Ok(live)) if live["metadata"]["deletionTimestamp"].is_null() => {
            SkeError::OnlyOnPlatform(committing.object.clone())
        }
        None | Some(Ok(_)) => RepositoryError::Absent(committing.identity.clone()).into(),
        Some(Err(error)) => error,
    }
}

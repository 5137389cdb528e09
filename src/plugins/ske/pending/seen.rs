//! What a look at one object means for the requests about it.

use std::sync::Arc;

use tracing::warn;

use super::{
    Pending,
    ending::News,
    lifecycle::{Sight, is_settled},
    request::PendingRequest,
    store::Store,
};
use crate::{
    backstage::integrations::RepositoryAddress,
    infra::database::DatabaseError,
    plugins::ske::{config::Mode, domain::ObjectRef},
};

impl Pending {
    /// Takes note of what somebody has just seen at the platform. Nobody waits for it, and nothing is asked unless
    /// something is recorded about the object.
    pub(in crate::plugins::ske) fn seen(self: &Arc<Self>, object: &ObjectRef, sight: impl FnOnce() -> Sight) {
        if !self.known.may_have(object) {
            return;
        }
        let (pending, object, sight) = (Arc::clone(self), object.clone(), sight());
        self.tasks.spawn(async move {
            if let Err(error) = pending.settle(&object, sight).await {
                warn!(reason = %error, "A pending request could not be looked up; the next round does it");
            }
        });
    }

    /// Withdraws the requests about the object that have come about.
    pub(super) async fn settle(&self, object: &ObjectRef, sight: Sight) -> Result<(), DatabaseError> {
        let Some(pool) = self.database.existing().await? else {
            return Ok(());
        };
        let store = Store(pool);
        let settling = async {
            for request in store.about(object).await? {
                if self.shows(&request) && is_settled(&request, sight) {
                    self.withdraw(&store, &request, News::CameAbout).await?;
                }
            }
            Ok(())
        };
        self.telling(&store, settling).await
    }

    /// Whether what the platform shows is about this request. In gitops a pull request to another repository is for a
    /// platform we do not see.
    pub(super) fn shows(&self, request: &PendingRequest) -> bool {
        let config = self.config.get();
        let Some(repository) = request
            .repository
            .as_deref()
            .filter(|_| config.mode == Mode::GitOps)
        else {
            return true;
        };
        let ours = config.scm.as_ref();
        let ours = ours.and_then(|scm| RepositoryAddress::parse(scm.remote.as_str()).ok());
        let theirs = RepositoryAddress::parse(repository).ok();
        ours.zip(theirs).is_some_and(|(ours, theirs)| ours.is(&theirs))
    }
}

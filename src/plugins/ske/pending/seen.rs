//! What a look at one object means for the requests about it.

use std::sync::Arc;

use tracing::warn;

use super::{
    Pending,
    ending::News,
    lifecycle::{Sight, is_settled},
    request::{Action, PendingRequest, Review},
    store::Store,
};
use crate::{
    backstage::integrations::RepositoryAddress,
    infra::database::DatabaseError,
    plugins::ske::{
        config::{Mode, Scm},
        domain::{Manifest, ObjectRef, Writable, file_of},
    },
};

impl Pending {
    /// Takes note of what somebody has seen at the platform, in a look that began then. Nobody waits for it, and nothing
    /// is asked unless something is recorded about the object.
    pub(in crate::plugins::ske) fn seen(
        self: &Arc<Self>,
        object: &ObjectRef,
        began: i64,
        sight: impl FnOnce() -> Sight,
    ) {
        if !self.known.may_have(object) {
            return;
        }
        let (pending, object, sight) = (Arc::clone(self), object.clone(), sight());
        self.tasks.spawn(async move {
            if let Err(error) = pending.settle(&object, began, &sight).await {
                warn!(reason = %error, "A pending request could not be looked up; the next round does it");
            }
        });
    }

    /// Withdraws the requests about the object that have come about. What was recorded after the look began it says
    /// nothing of; within the same second nobody can tell, and the next round does it.
    pub(in crate::plugins::ske) async fn settle(
        &self,
        object: &ObjectRef,
        began: i64,
        sight: &Sight,
    ) -> Result<(), DatabaseError> {
        let Some(store) = self.store().await? else {
            return Ok(());
        };
        for request in store.about(object).await? {
            if request.updated_at < began && self.has_come_about(&store, &request, sight).await? {
                let news = News::of_sight(&request, sight);
                self.withdraw(&store, &request, news).await?;
            }
        }
        Ok(())
    }

    /// Whether what was asked for has come about, as far as the sight tells.
    pub(super) async fn has_come_about(
        &self,
        store: &Store,
        request: &PendingRequest,
        sight: &Sight,
    ) -> Result<bool, DatabaseError> {
        if !self.shows(request) || !is_settled(request, sight) {
            return Ok(false);
        }
        let Sight::Live { spec, .. } = sight else {
            return Ok(true);
        };
        if !self.is_applied_later(request) {
            return Ok(true);
        }
        let recorded = store.manifest(request).await?;
        let recorded = recorded.and_then(|text| Manifest::from_text(&text).ok());
        Ok(recorded.is_none_or(|manifest| manifest.is_in(spec)))
    }

    /// Whether somebody applies the change only after it was recorded: until then the object has worked through the one
    /// before.
    fn is_applied_later(&self, request: &PendingRequest) -> bool {
        let through_git = request.review == Review::Merged || self.config.get().mode == Mode::Hybrid;
        request.action == Action::Update && through_git
    }

    /// Whether what the platform shows is about this request. In gitops a pull request to another repository, or for
    /// another branch or folder than we read, is for a platform we do not see.
    pub(super) fn shows(&self, request: &PendingRequest) -> bool {
        let config = self.config.get();
        let Some(repository) = request
            .repository
            .as_deref()
            .filter(|_| config.mode == Mode::GitOps)
        else {
            return true;
        };
        let theirs = RepositoryAddress::parse(repository).ok();
        config.scm.as_ref().zip(theirs).is_some_and(|(scm, theirs)| {
            let ours = RepositoryAddress::parse(scm.remote.as_str());
            let written = Writable::find(&config.repositories, &theirs).ok();
            ours.is_ok_and(|ours| ours.is(&theirs))
                && written.is_none_or(|written| is_read(request, written, scm))
        })
    }
}

/// Whether we read the file of a request in a repository that our own pull requests go to: then it is known where it is.
fn is_read(request: &PendingRequest, written: &Writable, scm: &Scm) -> bool {
    let same_branch = written.branch.as_ref().is_none_or(|branch| *branch == scm.branch);
    let file = request.object().map(|object| file_of(&request.promise, &object));
    let file = file.and_then(|file| written.place(&file).ok());
    same_branch && file.is_none_or(|file| scm.path.contains(&file))
}

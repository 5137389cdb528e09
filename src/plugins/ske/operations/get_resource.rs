//! Reads one object.

use serde_json::Value;

use super::{Backing, FETCH, READ, Ske, about, nothing_more, without_bookkeeping};
use crate::{
    backstage::auth::Credentials,
    infra::clock::unix_seconds,
    plugins::ske::{
        domain::{ObjectRef, Operation},
        error::SkeError,
        gitops::{Identity, cleaned},
        pending::Sight,
        repository::{Repository, RepositoryError},
    },
};

impl Ske {
    /// Returns the object as the cluster has it, without the bookkeeping of who set which field; in gitops as it was
    /// last committed.
    ///
    /// # Errors
    /// `Absent` only when it is not there.
    pub(in crate::plugins::ske) async fn get_resource(
        &self,
        caller: &Credentials,
        object: &ObjectRef,
    ) -> Result<Value, SkeError> {
        let about = || about("queryType", "by-name", object);
        let trail = self.audit.begin(FETCH, caller, about);
        trail.end(self.look_at(caller, object).await, nothing_more)
    }

    /// Returns the object without a record of who looked.
    pub(super) async fn look_at(&self, caller: &Credentials, object: &ObjectRef) -> Result<Value, SkeError> {
        Ok(without_bookkeeping(self.get_whole(caller, object).await?))
    }

    /// As `look_at`, with the bookkeeping.
    pub(super) async fn get_whole(
        &self,
        caller: &Credentials,
        object: &ObjectRef,
    ) -> Result<Value, SkeError> {
        self.authorize(caller, &READ).await?;
        let began = unix_seconds();
        let read = self.read_object(caller, object).await;
        match &read {
            Ok(manifest) => self.pending.seen(object, began, || self.sight_of(manifest)),
            Err(SkeError::Absent(_) | SkeError::Repository(RepositoryError::Absent(_))) => {
                self.pending.seen(object, began, || Sight::Absent);
            }
            Err(_) => {}
        }
        read
    }

    async fn read_object(&self, caller: &Credentials, object: &ObjectRef) -> Result<Value, SkeError> {
        if let Backing::GitOps(repository) = &self.backing {
            return self.get_from_git(repository, object).await;
        }
        let session = self.session(caller).await?;
        let target = session.target(object, Operation::Read).await?;
        Ok(session.get(&target).await?.body)
    }

    fn sight_of(&self, manifest: &Value) -> Sight {
        match self.backing {
            Backing::GitOps(_) => Sight::COMMITTED,
            Backing::Kubernetes(_) | Backing::Hybrid(..) => Sight::of_live(manifest),
        }
    }

    async fn get_from_git(&self, repository: &Repository, object: &ObjectRef) -> Result<Value, SkeError> {
        let identity = Identity::of(object)?;
        let config = self.config.get();
        self.allowed_in_git(object, Operation::Read).await?;
        let committed = repository.find(&identity, config.timeout).await?;
        Ok(cleaned(committed))
    }
}

//! Looks at one object in our own name, for work that nobody asked for at this moment.

use super::{Backing, Ske};
use crate::plugins::ske::{
    domain::{ObjectRef, Operation},
    error::SkeError,
    gitops::Identity,
    pending::{Sight, Unseen},
    repository::{Repository, Seen},
    session::Session,
};

impl Ske {
    /// Says whether the object is there. What may not be touched may not be looked at either.
    ///
    /// # Errors
    /// It cannot be seen, which says nothing of whether it is there.
    pub(in crate::plugins::ske) async fn look(&self, object: ObjectRef) -> Result<Sight, Unseen> {
        match &self.backing {
            Backing::GitOps(repository) => {
                let seen = self.look_into_git(repository, &object).await;
                seen.map_err(Unseen::Failed)
            }
            Backing::Kubernetes(clusters) | Backing::Hybrid(clusters, _) => {
                let session = Session::of_account(clusters.current().await);
                let session = session.ok_or(Unseen::NeedsUser)?;
                look_at_cluster(&session, &object).await.map_err(Unseen::Failed)
            }
        }
    }

    async fn look_into_git(&self, repository: &Repository, object: &ObjectRef) -> Result<Sight, SkeError> {
        let identity = Identity::of(object)?;
        let config = self.config.get();
        self.allowed_in_git(object, Operation::Read).await?;
        Ok(match repository.seen(&identity, config.timeout).await? {
            Seen::Present => Sight::COMMITTED,
            Seen::Absent => Sight::Absent,
        })
    }
}

async fn look_at_cluster(session: &Session, object: &ObjectRef) -> Result<Sight, SkeError> {
    let target = session.target(object, Operation::Read).await?;
    match session.get(&target).await {
        Ok(answer) => Ok(Sight::of_live(&answer.body)),
        Err(SkeError::Absent(_)) => Ok(Sight::Absent),
        Err(error) => Err(error),
    }
}

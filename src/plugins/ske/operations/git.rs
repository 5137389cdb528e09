//! What the operations share when they commit to the repository.

use std::sync::Arc;

use tracing::info;

use super::{Backing, Ske, admit, logged};
use crate::{
    backstage::{auth::Credentials, permission::Permission, user_text::encode_user_text},
    infra::git::CommitId,
    plugins::ske::{
        config::Config,
        domain::{Allow, ObjectRef, Operation, Touched},
        error::SkeError,
        gitops::Identity,
        repository::{Order, Repository, RepositoryError, Seen},
        session::{Session, Target},
    },
};

/// How often a write whose object came or went meanwhile starts anew.
const TRIES: u32 = 3;

/// One object on its way into a commit.
pub(super) struct Committing<'a> {
    pub(super) repository: &'a Repository,
    pub(super) config: Arc<Config>,
    pub(super) caller: &'a Credentials,
    pub(super) object: &'a ObjectRef,
    pub(super) identity: Identity,
    /// In hybrid: the caller at the cluster, who needs the same right there.
    pub(super) session: Option<Session>,
}

impl<'a> Committing<'a> {
    /// Lets the guards decide about the object; in hybrid that takes the cluster, in gitops the rules alone.
    ///
    /// # Errors
    /// The name does not fit a repository, the object may not be touched, or the cluster does not serve its kind.
    pub(super) async fn begin(
        ske: &'a Ske,
        repository: &'a Repository,
        caller: &'a Credentials,
        object: &'a ObjectRef,
    ) -> Result<Self, SkeError> {
        let identity = Identity::of(object)?;
        let session = match &ske.backing {
            Backing::Hybrid(..) => Some(ske.session(caller).await?),
            _ => None,
        };
        Ok(Self {
            repository,
            config: ske.settings().await,
            caller,
            object,
            identity,
            session,
        })
    }

    /// Where the object is at the cluster, once the guards let it through; nowhere in gitops.
    pub(super) async fn guard(&self, operation: Operation) -> Result<Option<Target<'_>>, SkeError> {
        match &self.session {
            Some(session) => Ok(Some(session.target(self.object, operation).await?)),
            None => {
                allowed_in_git(&self.config, self.object, operation)?;
                Ok(None)
            }
        }
    }

    /// Whether the repository has the object.
    pub(super) async fn seen(&self) -> Result<Seen, SkeError> {
        Ok(self.repository.seen(&self.identity, self.config.timeout).await?)
    }

    /// Whether the caller may do this, for the portal and for the cluster.
    pub(super) async fn permit(
        &self,
        permission: &Permission,
        (verb, target): (&'static str, Option<&Target<'_>>),
    ) -> Result<(), SkeError> {
        admit(self.caller, permission)?;
        match (&self.session, target) {
            (Some(session), Some(target)) => session.permit(verb, target).await,
            _ => Ok(()),
        }
    }

    /// What the repository is told besides the object.
    pub(super) fn order(&self, expected: Option<Seen>) -> Order<'_> {
        Order {
            identity: &self.identity,
            requested_by: self.principal(),
            expected,
            timeout: self.config.timeout,
        }
    }

    /// Tells who did what, and returns the commit as text.
    pub(super) fn told(&self, what: &str, commit: Option<CommitId>) -> Option<String> {
        let (principal, object) = (self.principal(), logged(self.object));
        let commit = commit.map(|commit| commit.to_string());
        let shown = commit.as_deref().unwrap_or_default();
        info!(
            principal,
            object,
            commit = shown,
            "{what} {object} in the repository"
        );
        commit
    }

    fn principal(&self) -> String {
        encode_user_text(self.caller.subject().unwrap_or("nobody"))
    }
}

/// Works again when the object came or went between the look and the commit.
pub(super) async fn while_changing<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, SkeError>
where
    F: Future<Output = Result<T, SkeError>>,
{
    for _ in 1..TRIES {
        match attempt().await {
            Err(SkeError::Repository(RepositoryError::Changed(_))) => {}
            done => return done,
        }
    }
    attempt().await
}

/// Decides by the rules for a repository that a platform applies with rights of its own.
///
/// # Errors
/// The object may not be touched so.
pub(super) fn allowed_in_git(
    config: &Config,
    object: &ObjectRef,
    operation: Operation,
) -> Result<(), SkeError> {
    let allow = Allow {
        rules: config.allow.as_deref(),
        delete_promises: config.delete_promises,
        judged: false,
    };
    Ok(allow.decide_in_git(Touched {
        group: object.api_version.group(),
        kind: object.kind.as_str(),
        operation,
    })?)
}

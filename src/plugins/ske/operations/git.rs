//! What the operations share when they commit to the repository.

use std::sync::Arc;

use serde_json::Value;
use tracing::info;

use super::{Backing, Ske, logged, require};
use crate::{
    backstage::{
        auth::Credentials,
        permission::{Permission, Verdicts},
        user_text::encode_user_text,
    },
    infra::git::CommitId,
    plugins::ske::{
        config::Config,
        domain::{Allow, ObjectRef, Operation, Promises, Touched},
        error::SkeError,
        gitops::Identity,
        repository::{Order, Repository, RepositoryError, Seen},
        session::{Session, Target},
    },
};

/// How often a write whose object came or went meanwhile starts anew.
const TRIES: u32 = 3;

/// Who asked for what.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Credentials,
    pub(super) object: &'a ObjectRef,
    /// What the portal gives the caller.
    pub(super) verdicts: &'a Verdicts,
}

/// One object on its way into a commit.
pub(super) struct Committing<'a> {
    pub(super) repository: &'a Repository,
    pub(super) config: Arc<Config>,
    caller: &'a Credentials,
    verdicts: &'a Verdicts,
    pub(super) object: ObjectRef,
    pub(super) identity: Identity,
    /// In hybrid: the caller at the cluster, who needs the same right there, and the object's place.
    pub(super) at_cluster: Option<(Session, Target)>,
}

impl<'a> Committing<'a> {
    /// Lets the guards decide about the object; in hybrid that takes the cluster, in gitops the rules alone.
    ///
    /// # Errors
    /// The name does not fit a repository, the object may not be touched, or the cluster does not serve its kind.
    pub(super) async fn begin(
        ske: &'a Ske,
        repository: &'a Repository,
        asked: Asked<'a>,
        operation: Operation,
    ) -> Result<Self, SkeError> {
        let mut committing = Self {
            repository,
            config: ske.settings().await,
            caller: asked.caller,
            verdicts: asked.verdicts,
            object: asked.object.clone(),
            identity: Identity::of(asked.object)?,
            at_cluster: None,
        };
        if let Backing::Hybrid(..) = &ske.backing {
            committing.guard_at_cluster(ske, operation).await?;
        } else {
            ske.allowed_in_git(asked.object, operation).await?;
        }
        Ok(committing)
    }

    async fn guard_at_cluster(&mut self, ske: &Ske, operation: Operation) -> Result<(), SkeError> {
        let session = ske.session(self.caller).await?;
        let target = session.target(&self.object, operation).await?;
        if !target.address.resource.namespaced {
            // As documents without a namespace are known, so that a needless one makes no second object of it.
            let mut anywhere = self.object.clone();
            anywhere.namespace = Default::default();
            self.identity = Identity::of(&anywhere)?;
        }
        self.object = target.object.clone();
        self.at_cluster = Some((session, target));
        Ok(())
    }

    /// Whether the repository has the object.
    pub(super) async fn seen(&self) -> Result<Seen, SkeError> {
        Ok(self.repository.seen(&self.identity, self.config.timeout).await?)
    }

    /// Whether the caller may do this, for the portal and for the cluster.
    pub(super) async fn permit(&self, permission: &Permission, verb: &'static str) -> Result<(), SkeError> {
        require(self.verdicts, permission)?;
        match &self.at_cluster {
            Some((session, target)) => session.permit(verb, target).await,
            None => Ok(()),
        }
    }

    /// The object at the cluster, if there is a cluster to ask.
    ///
    /// # Errors
    /// `Absent` when it is not there.
    pub(super) async fn live(&self) -> Option<Result<Value, SkeError>> {
        let (session, target) = self.at_cluster.as_ref()?;
        Some(session.get(target).await.map(|answer| answer.body))
    }

    /// Whether objects of the kind have a namespace; by a table where no cluster can be asked.
    pub(super) fn is_namespaced(&self) -> bool {
        match &self.at_cluster {
            Some((_, target)) => target.address.resource.namespaced,
            None => self.identity.namespace.is_some(),
        }
    }

    /// What the repository is told besides the object.
    pub(super) fn order(&self, expected: Option<Seen>) -> Order<'_> {
        Order {
            identity: &self.identity,
            object: &self.object,
            requested_by: self.principal(),
            expected,
            timeout: self.config.timeout,
        }
    }

    /// Tells who did what, and returns the commit as text.
    pub(super) fn told(&self, what: &str, commit: Option<CommitId>) -> Option<String> {
        let (principal, object) = (self.principal(), logged(&self.object));
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

fn allow(config: &Config, promises: Promises) -> Allow<'_> {
    Allow {
        rules: config.allow.as_deref(),
        delete_promises: config.delete_promises,
        judged: false,
        promises,
    }
}

impl Ske {
    /// Decides by the rules for what a platform applies with rights of its own: nobody judges the person there.
    ///
    /// # Errors
    /// The object may not be touched so, or which kinds Promises offer cannot be found out.
    pub(super) async fn allowed_in_git(
        &self,
        object: &ObjectRef,
        operation: Operation,
    ) -> Result<(), SkeError> {
        let config = self.settings().await;
        let promises = match &self.backing {
            Backing::GitOps(_) => Promises::Committed,
            Backing::Kubernetes(_) | Backing::Hybrid(..) => Promises::Installed,
        };
        let allow = allow(&config, promises);
        let touched = object.touched(operation);
        let offered = allow.needs_offered(touched) && self.is_promised(touched, &config).await?;
        Ok(allow.decide(touched, |_, _| offered)?)
    }

    async fn is_promised(&self, touched: Touched<'_>, config: &Config) -> Result<bool, SkeError> {
        match &self.backing {
            Backing::GitOps(repository) => {
                let kind = (touched.group, touched.kind);
                Ok(repository.offers(kind, config.timeout).await?)
            }
            Backing::Kubernetes(clusters) | Backing::Hybrid(clusters, _) => {
                match Session::of_account(clusters.current().await) {
                    Some(session) => session.is_offered(touched).await,
                    None => Err(SkeError::UnknownOffer(
                        "there is no account to ask with".to_owned(),
                    )),
                }
            }
        }
    }
}

//! One caller at the platform: the identity, and the guard in front of every object.

use super::{
    acting::{Acting, Rules},
    clusters::Connected,
    config::{AuthProvider, ClusterChoice, Config},
    domain::{Allow, ObjectRef, Operation, Touched},
    error::SkeError,
};
use crate::{
    backstage::{auth::Credentials, users::Users},
    infra::kubernetes::{AccessRequest, Address, Answer, Cluster, Identity, Kind, KubernetesError},
};

/// A caller whose identity at the cluster is settled.
pub(super) struct Session {
    connected: Connected,
    acting: Acting,
}

/// An object the caller may touch, and where it is.
pub(super) struct Target<'a> {
    pub(super) object: &'a ObjectRef,
    pub(super) address: Address,
}

impl Session {
    /// Settles as whom the caller acts.
    ///
    /// # Errors
    /// The caller is nobody the cluster could judge.
    pub(super) async fn open(
        connected: Connected,
        users: &Users,
        caller: &Credentials,
    ) -> Result<Self, SkeError> {
        let rules = Rules {
            provider: provider(&connected.config),
            impersonation: connected.config.impersonation.as_ref(),
        };
        let acting = rules.acting(users, caller).await?;
        Ok(Self { connected, acting })
    }

    /// Our own account, for work that nobody asked for at this moment; `None` where we have none. What may be touched is
    /// then decided by the rules for an account that nobody judges.
    pub(super) fn of_account(connected: Connected) -> Option<Self> {
        let has_account = connected.platform.cluster.has_account();
        has_account.then_some(Self {
            connected,
            acting: Acting {
                identity: Identity::Account,
                judged: false,
            },
        })
    }

    /// Finds the object's place and lets the guard decide, before anything is done to it.
    ///
    /// # Errors
    /// The kind is not served, or may not be touched so.
    pub(super) async fn target<'a>(
        &self,
        object: &'a ObjectRef,
        operation: Operation,
    ) -> Result<Target<'a>, SkeError> {
        let kind = Kind {
            group: object.api_version.group().to_owned(),
            version: object.api_version.version().to_owned(),
            kind: object.kind.as_str().to_owned(),
        };
        let resource = self.cluster().resource(&self.acting.identity, &kind).await;
        let resource = resource.map_err(|error| self.not_found_out(object, error))?;
        self.guard(object, operation).await?;
        let address = Address {
            resource,
            namespace: object.namespace.as_str().to_owned(),
            name: object.name.as_str().to_owned(),
        };
        Ok(Target { object, address })
    }

    /// Reads the object.
    ///
    /// # Errors
    /// `Absent` when it is not there; the failure of the call.
    pub(super) async fn get(&self, target: &Target<'_>) -> Result<Answer, SkeError> {
        let answer = self.cluster().get(&self.acting.identity, &target.address).await;
        answer.map_err(|error| self.failed(target, false, error))
    }

    /// Asks the cluster whether the caller may do it there, before it is done by other means. Where nobody is judged,
    /// the guard has decided.
    ///
    /// # Errors
    /// He may not, or the cluster does not say.
    pub(super) async fn permit(&self, verb: &'static str, target: &Target<'_>) -> Result<(), SkeError> {
        if !self.acting.judged {
            return Ok(());
        }
        let wanted = AccessRequest {
            verb,
            address: &target.address,
        };
        match self.cluster().may(&self.acting.identity, wanted).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SkeError::NotPermitted {
                verb,
                object: target.object.clone(),
            }),
            Err(error) => Err(self.failed_call(target.object, false, error)),
        }
    }

    /// The platform cluster.
    pub(super) fn cluster(&self) -> &Cluster {
        &self.connected.platform.cluster
    }

    /// As whom the caller acts.
    pub(super) fn identity(&self) -> &Identity {
        &self.acting.identity
    }

    /// What a failed call about the object means for the caller.
    pub(super) fn failed(&self, target: &Target<'_>, write: bool, error: KubernetesError) -> SkeError {
        match error.refusal() {
            Some(refusal) if refusal.is_absence_of(&target.address) => {
                SkeError::Absent(target.object.clone())
            }
            _ => self.failed_call(target.object, write, error),
        }
    }

    fn failed_call(&self, object: &ObjectRef, write: bool, error: KubernetesError) -> SkeError {
        match &error {
            KubernetesError::NotServed => SkeError::NotServed {
                api_version: object.api_version.to_string(),
                kind: object.kind.to_string(),
            },
            // A token that no header can carry is one the cluster would not take either.
            KubernetesError::Unauthenticated | KubernetesError::UnusableIdentity
                if matches!(self.acting.identity, Identity::Token(_)) =>
            {
                self.sign_in()
            }
            _ => SkeError::cluster(self.cluster(), write, error),
        }
    }

    /// Kinds are looked up in our own name where we have one; a person cannot cure that this one is refused.
    fn not_found_out(&self, object: &ObjectRef, error: KubernetesError) -> SkeError {
        match error {
            KubernetesError::Unauthenticated if self.cluster().has_account() => {
                SkeError::cluster(self.cluster(), false, error)
            }
            error => self.failed_call(object, false, error),
        }
    }

    async fn guard(&self, object: &ObjectRef, operation: Operation) -> Result<(), SkeError> {
        let allow = Allow {
            rules: self.connected.config.allow.as_deref(),
            delete_promises: self.connected.config.delete_promises,
            judged: self.acting.judged,
        };
        let touched = Touched {
            group: object.api_version.group(),
            kind: object.kind.as_str(),
            operation,
        };
        let offered = allow.needs_offered(touched) && self.is_offered(touched).await?;
        Ok(allow.decide(touched, |_, _| offered)?)
    }

    async fn is_offered(&self, touched: Touched<'_>) -> Result<bool, SkeError> {
        let offered = &self.connected.platform.offered;
        let included = offered
            .includes(self.cluster(), touched.group, touched.kind)
            .await;
        included.map_err(|error| match error.refusal() {
            Some(refusal) if refusal.code == 403 => SkeError::UnknownOffer(refusal.message.clone()),
            _ => SkeError::cluster(self.cluster(), false, error),
        })
    }

    fn sign_in(&self) -> SkeError {
        let provider = match provider(&self.connected.config) {
            AuthProvider::Oidc { token_provider } => token_provider.as_str(),
            _ => "the portal",
        };
        SkeError::SignIn(format!(
            "The platform did not accept your sign-in; sign in to {provider} again. If it stays so, the cluster does \
             not trust tokens of {provider} (audience or issuer)"
        ))
    }
}

/// A cluster that is not configured is the one around us, where we have an account.
pub(super) fn provider(config: &Config) -> &AuthProvider {
    match &config.cluster {
        ClusterChoice::Configured(cluster) => &cluster.provider,
        ClusterChoice::Ambient | ClusterChoice::None => &AuthProvider::ServiceAccount,
    }
}

/// Whether the API server judges the portal's user, and not our account.
pub(super) fn judges(config: &Config) -> bool {
    config.impersonation.is_some() || matches!(provider(config), AuthProvider::Oidc { .. })
}

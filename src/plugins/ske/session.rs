//! One caller at the platform: the identity, and the guard in front of every object.

use super::{
    acting::{Acting, Rules},
    clusters::Connected,
    config::{AuthProvider, ClusterChoice, Config},
    domain::{Allow, ObjectRef, Operation, Promises, Touched},
    error::SkeError,
    offered::Standing,
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
pub(super) struct Target {
    pub(super) object: ObjectRef,
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
    pub(super) async fn target(&self, object: &ObjectRef, operation: Operation) -> Result<Target, SkeError> {
        let kind = kind_of(object);
        let (cluster, identity) = (self.cluster(), &self.acting.identity);
        // A change is written for the scope that the kind has now.
        let resource = match operation {
            Operation::Read => cluster.resource(identity, &kind).await,
            Operation::Write | Operation::Delete => cluster.resource_now(identity, &kind).await,
        };
        let resource = match resource {
            Ok(resource) => resource,
            Err(error) => return Err(self.not_found_out(object, error).await),
        };
        if let Err(refused) = self.guard(object, operation).await {
            return Err(self.refused(object, (&kind, refused)).await);
        }
        let address = Address {
            resource,
            namespace: object.namespace.as_str().to_owned(),
            name: object.name.as_str().to_owned(),
        };
        let object = object.known_to_be(address.resource.namespaced);
        Ok(Target { object, address })
    }

    /// Reads the object.
    ///
    /// # Errors
    /// `Absent` when it is not there; the failure of the call.
    pub(super) async fn get(&self, target: &Target) -> Result<Answer, SkeError> {
        match self.cluster().get(&self.acting.identity, &target.address).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(target, false, error).await),
        }
    }

    /// Asks the cluster whether the caller may do it there, before it is done by other means. Where nobody is judged,
    /// the guard has decided.
    ///
    /// # Errors
    /// He may not, or the cluster does not say.
    pub(super) async fn permit(&self, verb: &'static str, target: &Target) -> Result<(), SkeError> {
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
            Err(error) => Err(self.failed_call(&target.object, false, error).await),
        }
    }

    /// Whether the API server judges the portal's user.
    pub(super) fn is_judged(&self) -> bool {
        self.acting.judged
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
    pub(super) async fn failed(&self, target: &Target, write: bool, error: KubernetesError) -> SkeError {
        match error {
            KubernetesError::Absent => SkeError::Absent(target.object.clone()),
            error => self.failed_call(&target.object, write, error).await,
        }
    }

    async fn failed_call(&self, object: &ObjectRef, write: bool, error: KubernetesError) -> SkeError {
        match &error {
            KubernetesError::NotServed => self.not_served(object).await,
            // A token that no header can carry is one the cluster would not take either.
            KubernetesError::Unauthenticated | KubernetesError::UnusableIdentity
                if matches!(self.acting.identity, Identity::Token(_)) =>
            {
                self.sign_in()
            }
            _ => SkeError::cluster(self.cluster(), write, error),
        }
    }

    /// Says where else the kind is served, if it is.
    async fn not_served(&self, object: &ObjectRef) -> SkeError {
        let (api_version, kind) = (object.api_version.to_string(), object.kind.to_string());
        let identity = &self.acting.identity;
        match self.cluster().served_versions(identity, &kind_of(object)).await {
            Ok(served) if served.is_empty() => SkeError::NotServed { api_version, kind },
            Ok(served) => SkeError::OtherVersions {
                api_version,
                kind,
                served,
            },
            // Whether it is gone is not known.
            Err(error) => SkeError::cluster(self.cluster(), false, error),
        }
    }

    /// Kinds are looked up in our own name where we have one; a person cannot cure that this one is refused.
    async fn not_found_out(&self, object: &ObjectRef, error: KubernetesError) -> SkeError {
        match error {
            KubernetesError::Unauthenticated if self.cluster().has_account() => {
                SkeError::cluster(self.cluster(), false, error)
            }
            error => self.failed_call(object, false, error).await,
        }
    }

    /// What no Promise offers any more may have gone with its Promise, which is no lack of rights.
    async fn refused(&self, object: &ObjectRef, (kind, refused): (&Kind, SkeError)) -> SkeError {
        let by_a_list = self.connected.config.allow.is_some();
        if by_a_list || !matches!(refused, SkeError::NotAllowed(_)) {
            return refused;
        }
        match self.cluster().resource_now(&self.acting.identity, kind).await {
            Err(KubernetesError::NotServed) => self.not_served(object).await,
            _ => refused,
        }
    }

    async fn guard(&self, object: &ObjectRef, operation: Operation) -> Result<(), SkeError> {
        let allow = Allow {
            rules: self.connected.config.allow.as_deref(),
            delete_promises: self.connected.config.delete_promises,
            // Whoever applies a repository may more than the person whom the cluster judges.
            judged: self.acting.judged && !self.connected.config.mode.writes_git(),
            promises: Promises::Installed,
        };
        let touched = object.touched(operation);
        let is_needed = allow.needs_offered(touched);
        if operation != Operation::Write {
            let offered = is_needed && self.is_offered(touched).await?;
            return Ok(allow.decide(touched, |_, _| offered)?);
        }
        if !is_needed {
            allow.decide(touched, |_, _| false)?;
        }
        let standing = self.standing(touched, is_needed).await?;
        if is_needed {
            allow.decide(touched, |_, _| standing != Standing::Unoffered)?;
        }
        match standing {
            Standing::Leaving(promise) => Err(SkeError::PromiseLeaving {
                promise,
                kind: touched.kind.to_owned(),
            }),
            Standing::Unoffered | Standing::Stands => Ok(()),
        }
    }

    /// Whether an installed Promise offers the kind. Asks in our own name where we have one.
    ///
    /// # Errors
    /// It cannot be found out: what is not known is not open.
    pub(super) async fn is_offered(&self, touched: Touched<'_>) -> Result<bool, SkeError> {
        let offered = &self.connected.platform.offered;
        let asker = match self.cluster().has_account() {
            true => &Identity::Account,
            false => self.identity(),
        };
        let included = offered
            .includes((self.cluster(), asker), (touched.group, touched.kind))
            .await;
        included.map_err(|error| self.offer_unknown(error))
    }

    fn offer_unknown(&self, error: KubernetesError) -> SkeError {
        match error.refusal() {
            Some(refusal) if refusal.code == 403 => SkeError::UnknownOffer(refusal.message.clone()),
            _ => SkeError::cluster(self.cluster(), false, error),
        }
    }

    /// Whether the Promise that offers the kind stands; asked in our own name, and as the caller where that may not
    /// list Promises. Where nothing depends on what is offered and neither may, the cluster alone decides.
    async fn standing(&self, touched: Touched<'_>, is_needed: bool) -> Result<Standing, SkeError> {
        if !is_needed && !touched.may_be_offered() {
            return Ok(Standing::Unoffered);
        }
        let mut identities = Vec::new();
        identities.extend(self.cluster().has_account().then_some(&Identity::Account));
        let as_caller = self.acting.judged && (!is_needed || identities.is_empty());
        identities.extend(as_caller.then_some(&self.acting.identity));
        for identity in identities {
            let kind = (touched.group, touched.kind);
            let offered = &self.connected.platform.offered;
            match offered.standing((self.cluster(), identity), kind).await {
                Err(error) if !is_needed && may_not_look(&error) => {}
                standing => return standing.map_err(|error| self.offer_unknown(error)),
            }
        }
        Ok(Standing::Unoffered)
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

fn kind_of(object: &ObjectRef) -> Kind {
    Kind {
        group: object.api_version.group().to_owned(),
        version: object.api_version.version().to_owned(),
        kind: object.kind.as_str().to_owned(),
    }
}

fn may_not_look(error: &KubernetesError) -> bool {
    let refused = error.refusal().is_some_and(|refusal| refusal.code == 403);
    refused || matches!(error, KubernetesError::Unauthenticated)
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

//! Who calls: the credentials a request carried, after they were verified.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;

use crate::backstage::audit::Origin;

/// The verified caller of a request.
///
/// Cheap to clone: a verified token is shared between all requests that carry it.
#[derive(Debug, Clone)]
pub struct Credentials {
    verified: Arc<Inner>,
    /// The request they came with; tokens are verified once for many.
    origin: Option<Arc<Origin>>,
}

#[derive(Debug)]
struct Inner {
    principal: Principal,
    token: Option<SecretString>,
    expires_at: Option<i64>,
}

/// A user, a service, or nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A signed-in portal user.
    User(UserPrincipal),
    /// Another plugin or an external caller.
    Service(ServicePrincipal),
    /// No credentials were sent where none are needed.
    None,
}

/// A portal user; `actor` is the plugin that calls on the user's behalf, if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPrincipal {
    /// `user:default/guest`, as the token says; not validated, as in Backstage.
    pub user_entity_ref: String,
    /// The plugin in between, when the token came with an `obo` claim.
    pub actor: Option<ServicePrincipal>,
}

/// A service: `plugin:catalog`, `external:idp:robot` or a configured subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePrincipal {
    /// The subject in Backstage's spelling.
    pub subject: String,
    /// What the configuration limits this caller to, for this plugin; `None` is unrestricted.
    pub access_restrictions: Option<AccessRestrictions>,
}

/// How the subject of a plugin begins.
const PLUGIN: &str = "plugin:";

impl ServicePrincipal {
    /// The principal of a plugin.
    pub(super) fn plugin(id: &str) -> Self {
        Self {
            subject: format!("{PLUGIN}{id}"),
            access_restrictions: None,
        }
    }

    /// Returns the plugin's id, if this is one; callers from outside Backstage are none.
    pub fn plugin_id(&self) -> Option<&str> {
        self.subject.strip_prefix(PLUGIN)
    }
}

/// The permission part of `backend.auth.externalAccess[].accessRestrictions`; applied by permission checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRestrictions {
    /// Names of the permissions this caller may use.
    pub permission_names: Option<Vec<String>>,
    /// Attributes, such as `action: [read]`, a permission must have.
    pub permission_attributes: Option<BTreeMap<String, Vec<String>>>,
}

impl Credentials {
    /// Bundles a verified principal with its token and expiry (Unix seconds).
    pub fn new(principal: Principal, token: Option<SecretString>, expires_at: Option<i64>) -> Self {
        Self {
            verified: Arc::new(Inner {
                principal,
                token,
                expires_at,
            }),
            origin: None,
        }
    }

    /// The same, come with this request.
    #[must_use]
    pub(in crate::backstage) fn with_origin(mut self, origin: Arc<Origin>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Returns where the request came from, if there is one.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Nobody.
    pub fn none() -> Self {
        Self::new(Principal::None, None, None)
    }

    /// Returns who this is.
    pub fn principal(&self) -> &Principal {
        &self.verified.principal
    }

    /// Returns the token as it was sent.
    pub fn token(&self) -> Option<&SecretString> {
        self.verified.token.as_ref()
    }

    /// Returns when a user's credentials end, in Unix seconds.
    pub fn expires_at(&self) -> Option<i64> {
        self.verified.expires_at
    }

    /// Returns the service in between, when one calls in the user's name.
    pub fn actor(&self) -> Option<&str> {
        match self.principal() {
            Principal::User(user) => user.actor.as_ref().map(|actor| actor.subject.as_str()),
            Principal::Service(_) | Principal::None => None,
        }
    }

    /// Returns the text by which this caller is recorded: the user's reference or the service's subject.
    pub fn subject(&self) -> Option<&str> {
        match self.principal() {
            Principal::User(user) => Some(&user.user_entity_ref),
            Principal::Service(service) => Some(&service.subject),
            Principal::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plugin_has_a_plugin_id() {
        assert_eq!(ServicePrincipal::plugin("catalog").plugin_id(), Some("catalog"));
        for subject in ["external:ci", "ci", "my-plugin:catalog"] {
            let other = ServicePrincipal {
                subject: subject.to_owned(),
                access_restrictions: None,
            };
            assert_eq!(other.plugin_id(), None, "{subject}");
        }
    }
}

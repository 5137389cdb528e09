//! As whom a caller's request goes to the cluster.
//!
//! One rule above all: where somebody else than our account should be judged, nothing ever falls back to our account.

use super::{
    config::AuthProvider,
    domain::{ClusterUser, Impersonation, Known, NotImpersonated},
    error::SkeError,
    sign_in::{ProviderToken, provider_token},
};
use crate::{
    backstage::{
        auth::{Credentials, Principal, UserPrincipal},
        users::Users,
    },
    infra::{
        clock::unix_seconds,
        kubernetes::{Identity, Impersonated},
    },
};

/// The identity of one request.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    /// Whose rights the API server applies.
    pub(super) identity: Identity,
    /// Whether these are the portal user's own, so that the API server itself says what may be touched.
    pub(super) judged: bool,
}

/// What decides about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// How the cluster wants its callers.
    pub(super) provider: &'a AuthProvider,
    /// Set when our account speaks for users.
    pub(super) impersonation: Option<&'a Impersonation>,
}

impl Rules<'_> {
    /// Decides as whom the caller acts.
    ///
    /// # Errors
    /// 401 when signing in again cures it, 403 when the caller is nobody the cluster could judge.
    pub(super) async fn acting(&self, users: &Users, caller: &Credentials) -> Result<Acting, SkeError> {
        if let AuthProvider::Oidc { token_provider } = self.provider {
            match (signed_in(caller), self.impersonation) {
                (ProviderToken::Present(token), _) => return Ok(judged(Identity::Token(token))),
                (ProviderToken::Expired, _) => return Err(expired(token_provider)),
                (ProviderToken::Missing, None) => return Err(missing(token_provider, caller)),
                (ProviderToken::Missing, Some(_)) => {}
            }
        }
        match self.impersonation {
            Some(impersonation) => {
                let ClusterUser { user, groups } = cluster_user(impersonation, users, caller).await?;
                Ok(judged(Identity::Impersonated(Impersonated { user, groups })))
            }
            None => Ok(Acting {
                identity: Identity::Account,
                judged: false,
            }),
        }
    }
}

async fn cluster_user(
    rules: &Impersonation,
    users: &Users,
    caller: &Credentials,
) -> Result<ClusterUser, SkeError> {
    match caller.principal() {
        Principal::Service(service) => Ok(rules.service(&service.subject)?),
        Principal::User(user) => {
            let actor = user.actor.as_ref();
            rules.check_actor(actor.map(|actor| actor.plugin_id().unwrap_or(&actor.subject)))?;
            portal_user(rules, users, caller).await
        }
        Principal::None => {
            let why = "Nobody is signed in, so no cluster user can be named for this call";
            Err(NotImpersonated(why.to_owned()).into())
        }
    }
}

async fn portal_user(
    rules: &Impersonation,
    users: &Users,
    caller: &Credentials,
) -> Result<ClusterUser, SkeError> {
    let subject = caller.subject().unwrap_or_default();
    rules.check_subject(subject)?;
    let annotation = match rules.annotation() {
        Some(key) => users.annotation(caller, key).await.map_err(SkeError::Backstage)?,
        None => None,
    };
    let ownership = if rules.groups_from_ownership {
        users.ownership(caller).await.map_err(SkeError::Backstage)?
    } else {
        [].into()
    };
    let known = Known {
        annotation: annotation.as_deref(),
        ownership: &ownership,
    };
    Ok(rules.render(subject, known)?)
}

fn judged(identity: Identity) -> Acting {
    Acting {
        identity,
        judged: true,
    }
}

/// The provider's token of a signed-in person; a service has none.
fn signed_in(caller: &Credentials) -> ProviderToken {
    match (caller.principal(), caller.token()) {
        (Principal::User(_), Some(token)) => provider_token(token, unix_seconds()),
        _ => ProviderToken::Missing,
    }
}

fn expired(provider: &str) -> SkeError {
    SkeError::SignIn(format!(
        "Your sign-in to {provider} has ended; sign in to {provider} again"
    ))
}

fn missing(provider: &str, caller: &Credentials) -> SkeError {
    match caller.principal() {
        Principal::User(UserPrincipal {
            actor: Some(actor), ..
        }) => SkeError::SignIn(format!(
            "Through '{}' Backstage hands on no sign-in; sign in to {provider} again and call from the portal's page, or \
             have stagedoor.ske.impersonation switched on",
            actor.subject
        )),
        Principal::User(_) => SkeError::SignIn(format!(
            "Your portal token carries no token of {provider} (claim 'tok'); sign in to {provider} again, and if it \
             stays so, the portal's sign-in resolver must put {provider}'s access token there"
        )),
        _ => SkeError::NeedsUser(format!(
            "The platform judges people by their sign-in to {provider}, which a service does not have; map the \
             service in stagedoor.ske.impersonation.services"
        )),
    }
}

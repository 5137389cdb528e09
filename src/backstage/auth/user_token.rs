//! User tokens: full, limited, and the old style without a type of their own.

use secrecy::SecretString;

use super::{
    Credentials, LimitedAccess, Principal, ServicePrincipal, UserPrincipal,
    authenticator::Inner,
    claims,
    key_source::KeyUse,
    key_store::{NamedBy, Place},
    refusal::Refusal,
    token::Jwt,
    verified::Verified,
};
use crate::backstage::error::BackstageError;

/// Header `typ` of a full user token.
pub(super) const USER: &str = "vnd.backstage.user";

/// Header `typ` of a limited user token.
pub(super) const LIMITED_USER: &str = "vnd.backstage.limited-user";

/// The audience that marks an old-style user token.
const OLD_STYLE_AUDIENCE: &str = "backstage";

/// A user token that verified.
#[derive(Debug)]
pub(super) struct VerifiedUser {
    entity_ref: String,
    expires_at: f64,
    key: KeyUse,
}

impl Inner {
    /// Returns the verdict on a token that says it is a user's; `None` for all others.
    pub(super) async fn user_token(
        &self,
        token: &str,
        jwt: &Jwt<'_>,
        limited: LimitedAccess,
    ) -> Option<Result<Verified, BackstageError>> {
        let verdict = self.verified_user(jwt).await?;
        let refused = jwt.typ() == Some(LIMITED_USER) && limited == LimitedAccess::Refused;
        Some(match verdict {
            Ok(_) if refused => Err(BackstageError::authentication("Illegal limited user token")),
            verdict => verdict.map(|user| user.with_actor(token, None)),
        })
    }

    /// Verifies a token that says it is a user's; `None` for all others.
    pub(super) async fn verified_user(&self, jwt: &Jwt<'_>) -> Option<Result<VerifiedUser, BackstageError>> {
        let required: &[&'static str] = match jwt.typ() {
            Some(USER | LIMITED_USER) => &["iat", "exp", "sub"],
            _ if jwt.text("aud") == Some(OLD_STYLE_AUDIENCE) => &[],
            _ => return None,
        };
        let verified = self.user_key(jwt, required).await;
        Some(match verified {
            Ok(key) => identity(jwt, key),
            Err(refusal) => {
                tracing::warn!(reason = %refusal, "Failed to verify incoming user token");
                Err(BackstageError::authentication("Failed user token verification").with_cause(refusal))
            }
        })
    }

    async fn user_key(&self, jwt: &Jwt<'_>, required: &[&'static str]) -> Result<KeyUse, Refusal> {
        // Claims first: an expired token, the common case, costs neither a signature check nor a look-up.
        claims::check(jwt, self.clock.unix_seconds(), required)?;
        let source = self.keys.source(self.user_keys()?, jwt.client())?;
        source.verify(jwt).await
    }

    /// Where the keys of user tokens are.
    pub(super) fn user_keys(&self) -> Result<Place, Refusal> {
        let base = self.discovery.load().internal_base("auth");
        let address = format!("{base}/.well-known/jwks.json");
        Place::of_plugin("auth", &address, NamedBy::Configuration)
    }
}

fn identity(jwt: &Jwt<'_>, key: KeyUse) -> Result<VerifiedUser, BackstageError> {
    let entity_ref = jwt.text("sub").filter(|sub| !sub.is_empty());
    let entity_ref =
        entity_ref.ok_or_else(|| BackstageError::authentication("No user sub found in token"))?;
    let expires_at = jwt
        .number("exp")
        .ok_or_else(|| BackstageError::authentication("User token is missing expiration"))?;
    Ok(VerifiedUser {
        entity_ref: entity_ref.to_owned(),
        expires_at,
        key,
    })
}

impl VerifiedUser {
    /// Lets the user's credentials end with the token around theirs, when that is over earlier.
    pub(super) fn ending_by(mut self, end: Option<f64>) -> Self {
        self.expires_at = end.map_or(self.expires_at, |end| end.min(self.expires_at));
        self
    }

    /// Makes credentials that carry the user's own token, so that it can be passed on.
    pub(super) fn with_actor(self, token: &str, actor: Option<ServicePrincipal>) -> Verified {
        let principal = Principal::User(UserPrincipal {
            user_entity_ref: self.entity_ref,
            actor,
        });
        let token = SecretString::from(token);
        Verified {
            credentials: Credentials::new(principal, Some(token), Some(self.expires_at as i64)),
            ends_at: Some(self.expires_at),
            keys: vec![self.key],
        }
    }
}

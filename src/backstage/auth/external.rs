//! External callers: static tokens, legacy shared secrets and outside identity providers.

use std::fmt;

use indexmap::IndexMap;
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use super::{
    AccessRestrictions, claims,
    key_set::verify_with,
    key_source::KeyUse,
    key_store::{KeyStore, NamedBy, Place},
    refusal::Refusal,
    token::Jwt,
};
use crate::backstage::error::BackstageError;

/// One entry of `backend.auth.externalAccess`, or of the older `backend.auth.keys`.
#[derive(Debug)]
pub(super) struct ExternalAccess {
    pub(super) method: Method,
    /// By plugin id, in configured order; `None` is unrestricted.
    pub(super) restrictions: Option<IndexMap<String, AccessRestrictions>>,
}

/// How an entry recognises its caller.
#[derive(Debug)]
pub(super) enum Method {
    /// One fixed token.
    Static(StaticToken),
    /// HS256 with a shared secret, as backends spoke before plugin tokens.
    Legacy { key: DecodingKey, subject: String },
    /// Tokens of an identity provider.
    Jwks(IdentityProvider),
}

/// A configured token, as a digest: nothing to leak, and comparing tells nothing about length or prefix.
pub(super) struct StaticToken {
    digest: [u8; 32],
    subject: String,
}

/// A configured identity provider; a missing list means that anything is accepted there.
#[derive(Debug)]
pub(super) struct IdentityProvider {
    pub(super) url: Url,
    /// The configuration key of `url`.
    pub(super) key: String,
    pub(super) issuers: Option<Vec<String>>,
    pub(super) algorithms: Option<Vec<String>>,
    pub(super) audiences: Option<Vec<String>>,
    pub(super) subject_prefix: Option<String>,
}

/// Who an entry recognised.
#[derive(Debug)]
pub(super) struct Recognised {
    pub(super) subject: String,
    pub(super) ends_at: Option<f64>,
    pub(super) key: Option<KeyUse>,
}

impl ExternalAccess {
    /// Returns the caller if this entry recognises the token; an entry that does not passes it on.
    pub(super) async fn recognise(
        &self,
        (token, jwt): (&str, Option<&Jwt<'_>>),
        keys: &KeyStore,
        now: f64,
    ) -> Option<Recognised> {
        let outcome = match &self.method {
            Method::Static(configured) => return configured.recognise(token),
            Method::Legacy { key, subject } => legacy(jwt?, key, now).map(|ends_at| Recognised {
                subject: subject.clone(),
                ends_at,
                key: None,
            }),
            Method::Jwks(provider) => provider.recognise(jwt?, keys, now).await,
        };
        outcome
            .inspect_err(|refusal| tracing::debug!(%refusal, "An entry of backend.auth passes a token on"))
            .ok()
    }

    /// Returns what the caller may do for the plugin.
    ///
    /// # Errors
    ///
    /// 403 naming the plugins the token is for, when this one is not among them.
    pub(super) fn restrictions_for(
        &self,
        plugin_id: &str,
    ) -> Result<Option<AccessRestrictions>, BackstageError> {
        let Some(restrictions) = &self.restrictions else {
            return Ok(None);
        };
        if let Some(restriction) = restrictions.get(plugin_id) {
            return Ok(Some(restriction.clone()));
        }
        let plugins: Vec<String> = restrictions.keys().map(|id| format!("'{id}'")).collect();
        Err(BackstageError::not_allowed(format!(
            "This token's access is restricted to plugin(s) {}",
            plugins.join(", ")
        )))
    }
}

impl StaticToken {
    /// Keeps a digest of the token.
    pub(super) fn new(token: &str, subject: String) -> Self {
        Self {
            digest: Sha256::digest(token).into(),
            subject,
        }
    }

    fn recognise(&self, token: &str) -> Option<Recognised> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        bool::from(self.digest.ct_eq(&digest)).then(|| Recognised {
            subject: self.subject.clone(),
            ends_at: None,
            key: None,
        })
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StaticToken").finish_non_exhaustive()
    }
}

/// Returns when the token ends, if it does.
fn legacy(jwt: &Jwt<'_>, key: &DecodingKey, now: f64) -> Result<Option<f64>, Refusal> {
    if jwt.header_text("alg") != Some("HS256") {
        return Err(Refusal::ConfiguredAlgorithm);
    }
    if jwt.has_header("crit") {
        return Err(Refusal::Critical);
    }
    // An `aud` marks a token of the newer kinds.
    if jwt.text("sub") != Some("backstage-server") || jwt.claim("aud").is_some() {
        return Err(Refusal::Audience);
    }
    verify_with(jwt, key, Algorithm::HS256)?;
    claims::check(jwt, now, &[])?;
    Ok(jwt.number("exp"))
}

impl IdentityProvider {
    /// Where its keys are.
    pub(super) fn place(&self) -> Place {
        Place {
            url: self.url.clone(),
            named_by: NamedBy::Configuration,
            key: self.key.clone(),
        }
    }

    async fn recognise(&self, jwt: &Jwt<'_>, keys: &KeyStore, now: f64) -> Result<Recognised, Refusal> {
        let algorithm = jwt.header_text("alg").ok_or(Refusal::Algorithm)?;
        let accepted = |accepted: &Vec<String>| accepted.iter().any(|one| one == algorithm);
        if !self.algorithms.as_ref().is_none_or(accepted) {
            return Err(Refusal::ConfiguredAlgorithm);
        }
        // All that costs nothing is asked before the key document is.
        claims::check(jwt, now, &["sub"])?;
        self.issuers
            .iter()
            .try_for_each(|issuers| claims::check_issuer(jwt, issuers))?;
        self.audiences
            .iter()
            .try_for_each(|audiences| claims::check_audience(jwt, audiences))?;
        let subject = jwt.text("sub").filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(Refusal::MissingClaim("sub"))?;
        let source = keys.source(self.place(), jwt.client())?;
        let key = source.verify(jwt).await?;
        Ok(Recognised {
            subject: match &self.subject_prefix {
                Some(prefix) => format!("external:{prefix}:{subject}"),
                None => format!("external:{subject}"),
            },
            ends_at: jwt.number("exp"),
            key: Some(key),
        })
    }
}

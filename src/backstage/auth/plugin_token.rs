//! Plugin tokens: another backend plugin calls, for itself or on behalf of a user (`obo`).

use serde_json::Value;

use super::{
    Credentials, Principal, ServicePrincipal,
    authenticator::Inner,
    claims,
    key_set::KeySet,
    key_source::KeyUse,
    key_store::{NamedBy, Place},
    refusal::Refusal,
    token::Jwt,
    user_token::VerifiedUser,
    verified::Verified,
};
use crate::backstage::error::BackstageError;

/// Header `typ` of a plugin token.
pub(super) const PLUGIN: &str = "vnd.backstage.plugin";

/// Longest plugin id looked up; real ones are a word or two, and this one ends up in an address.
const MAX_PLUGIN_ID: usize = 128;

impl Inner {
    /// Returns the verdict on a token that says it is a plugin's; `None` for all others.
    pub(super) async fn plugin_token(
        &self,
        plugin_id: &str,
        jwt: &Jwt<'_>,
    ) -> Option<Result<Verified, BackstageError>> {
        if jwt.typ() != Some(PLUGIN) {
            return None;
        }
        Some(self.verified_plugin(plugin_id, jwt).await)
    }

    async fn verified_plugin(&self, plugin_id: &str, jwt: &Jwt<'_>) -> Result<Verified, BackstageError> {
        let source_id = source_id(jwt)?;
        let key = self.plugin_key(plugin_id, source_id, jwt).await?;
        let service = ServicePrincipal::plugin(source_id);
        let outer = jwt.number("exp");
        let mut verified = match jwt.claim("obo") {
            None | Some(Value::Null | Value::Bool(false)) => for_itself(service),
            Some(Value::String(token)) if token.is_empty() => for_itself(service),
            Some(token) => {
                let token = token.as_str().unwrap_or_default();
                let user = self.on_behalf_of(token, jwt).await?;
                user.ending_by(outer).with_actor(token, Some(service))
            }
        };
        verified.ends_at = [verified.ends_at, outer].into_iter().flatten().reduce(f64::min);
        verified.keys.extend(key);
        Ok(verified)
    }

    async fn on_behalf_of(&self, token: &str, outer: &Jwt<'_>) -> Result<VerifiedUser, BackstageError> {
        let user = match Jwt::parse(token) {
            Some(jwt) => self.verified_user(&jwt.sent_by(outer.client())).await,
            None => None,
        };
        let invalid = || BackstageError::authentication("Invalid user token in plugin token obo claim");
        user.ok_or_else(invalid)?
    }

    async fn plugin_key(
        &self,
        plugin_id: &str,
        source_id: &str,
        jwt: &Jwt<'_>,
    ) -> Result<Option<KeyUse>, BackstageError> {
        // Claims first: what cannot be accepted anyway costs no look-up. A missing subject is the plugin `undefined`,
        // whose keys are looked for before its absence counts.
        let now = self.clock.unix_seconds();
        let claims = claims::check(jwt, now, &["iat", "exp", "aud"])
            .and_then(|()| claims::check_audience(jwt, &[plugin_id]));
        let verified = match claims {
            Ok(()) => self.plugin_signature(source_id, jwt).await,
            Err(refusal) => Err(refusal),
        };
        verified
            .and_then(|key| claims::check(jwt, now, &["sub"]).map(|()| key))
            .map_err(|refusal| {
                tracing::warn!(reason = %refusal, "Failed to verify incoming plugin token");
                let message = match &refusal {
                    Refusal::NoKeyDocument(_) => format!(
                        "Received a plugin token where the source '{source_id}' plugin unexpectedly does not have a JWKS \
                         endpoint. The target plugin needs to be migrated to be installed in an app using the new backend \
                         system."
                    ),
                    _ => "Failed plugin token verification".to_owned(),
                };
                BackstageError::authentication(message).with_cause(refusal)
            })
    }

    /// Where the keys of a plugin are that we do not serve.
    pub(super) fn plugin_keys(&self, plugin_id: &str, named_by: NamedBy) -> Result<Place, Refusal> {
        let base = self.discovery.load().internal_base(plugin_id);
        let address = format!("{base}/.backstage/auth/v1/jwks.json");
        Place::of_plugin(plugin_id, &address, named_by)
    }

    /// A plugin we serve is verified with our own keys, every other with the document it publishes.
    async fn plugin_signature(&self, source_id: &str, jwt: &Jwt<'_>) -> Result<Option<KeyUse>, Refusal> {
        let discovery = self.discovery.get();
        let lower_case = source_id.to_ascii_lowercase();
        // Addresses ignore case, so spellings of one id must not count as many; a listed spelling is kept.
        let source_id = if discovery.names(source_id) {
            source_id
        } else {
            lower_case.as_str()
        };
        if discovery.serves(source_id) {
            let own = self.issuer.own_keys(&lower_case).await;
            let own = KeySet::parse(&own).unwrap_or_default();
            return own.verify(jwt).map(|()| None);
        }
        let listed = discovery.names(source_id) || self.config.lists_plugin(&lower_case);
        if !listed && self.config.known_plugins_only {
            return Err(Refusal::UnknownPlugin);
        }
        let known = listed || self.config.expects_plugin(&lower_case);
        let named_by = if known {
            NamedBy::Configuration
        } else {
            NamedBy::Stranger
        };
        let source = self
            .keys
            .source(self.plugin_keys(source_id, named_by)?, jwt.client())?;
        if !source.was_ever_loaded() {
            let none = |refusal: Refusal| Refusal::NoKeyDocument(Box::new(refusal));
            source.load(jwt.client()).await.map_err(none)?;
        }
        source.verify(jwt).await.map(Some)
    }
}

/// The plugin that claims to have signed; an absent subject is the plugin `undefined`, as in Backstage.
fn source_id<'a>(jwt: &'a Jwt<'_>) -> Result<&'a str, BackstageError> {
    let id = match jwt.claim("sub") {
        None => "undefined",
        Some(Value::String(id)) => id.as_str(),
        Some(_) => "",
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.is_empty() {
        Err(BackstageError::authentication(
            "Invalid plugin token: missing subject",
        ))
    } else if id.len() > MAX_PLUGIN_ID || !id.chars().all(allowed) {
        Err(BackstageError::authentication(
            "Invalid plugin token: forbidden subject format",
        ))
    } else {
        Ok(id)
    }
}

fn for_itself(service: ServicePrincipal) -> Verified {
    Verified {
        credentials: Credentials::new(Principal::Service(service), None, None),
        ends_at: None,
        keys: Vec::new(),
    }
}

//! Sessions: which tokens are good, until when, and how they look.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use super::clock::SimTime;

/// The result of a login.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) token: String,
    /// What the client is told, in Unix seconds; with a skew this differs from the truth.
    pub(super) valid_until: i64,
}

/// The key and the tokens made from it.
#[derive(Debug)]
pub(super) struct Sessions {
    key: String,
    secret: SecretString,
    pub(super) key_revoked: bool,
    pub(super) lifetime: Duration,
    /// Added to the `validUntil` told, in seconds: a clock that is off.
    pub(super) valid_until_skew: i64,
    expiries: HashMap<String, SimTime>,
}

impl Sessions {
    pub(super) fn new(key: String, secret: SecretString, lifetime: Duration) -> Self {
        Self {
            key,
            secret,
            key_revoked: false,
            lifetime,
            valid_until_skew: 0,
            expiries: HashMap::new(),
        }
    }

    /// The id of the only key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Replaces the secret, as after a rotation.
    pub(super) fn set_secret(&mut self, secret: SecretString) {
        self.secret = secret;
    }

    /// Exchanges the key for a session; `None` when key or secret is wrong.
    pub(super) fn log_in(&mut self, key: &str, secret: &str, now: SimTime) -> Option<Session> {
        if self.key_revoked || key != self.key || secret != self.secret.expose_secret() {
            return None;
        }
        let expires = now.plus(self.lifetime);
        let token = make_token(key, now, expires);
        self.expiries.retain(|_, expiry| *expiry > now);
        self.expiries.insert(token.clone(), expires);
        Some(Session {
            token,
            valid_until: expires.seconds().saturating_add(self.valid_until_skew),
        })
    }

    /// Whether a token is one of ours, not revoked and not expired.
    pub(super) fn is_valid(&self, token: &str, now: SimTime) -> bool {
        !self.key_revoked && self.expiries.get(token).is_some_and(|expiry| now < *expiry)
    }

    /// Ends all sessions, as a changed login policy does.
    pub(super) fn revoke_all(&mut self) {
        self.expiries.clear();
    }
}

/// Three parts like the real tokens, with the claims that clients have been seen to read; the signature is random.
fn make_token(key: &str, now: SimTime, expires: SimTime) -> String {
    let id = uuid::Uuid::new_v4();
    let claims = serde_json::json!({
        "aud": ["https://simulated.app.spacelift.io"],
        "iss": "api-key",
        "sub": format!("api::{key}"),
        "jti": id.to_string(),
        "iat": now.seconds(),
        "nbf": now.seconds(),
        "exp": expires.seconds(),
    });
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes()),
    )
}

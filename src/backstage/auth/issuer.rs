//! Our own tokens: with them a plugin we serve calls other backends of the portal, for itself or for a user.

use std::sync::Arc;

use http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::{
    AuthConfig, Clock, Credentials, Principal,
    limited_token::limited_token,
    own::{KeyTable, LONGEST_TOKEN, NoKey, OwnKeys},
    plugin_token::PLUGIN,
};
use crate::{
    backstage::error::BackstageError,
    infra::{database::Database, tasks::Tasks},
};

/// Issues plugin tokens and publishes the keys they are verified with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenIssuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: OwnKeys,
    clock: Clock,
    tasks: Tasks,
}

/// The claims of a plugin token (`@backstage/backend-defaults`, PluginTokenHandler).
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    obo: Option<String>,
}

impl TokenIssuer {
    /// Makes no key before one is needed, and opens no database.
    pub fn new(config: &AuthConfig, database: Database, tasks: Tasks) -> Self {
        let keys = OwnKeys::new(config.own_keys.clone(), KeyTable::new(database), tasks.clone());
        Self(Arc::new(Inner {
            keys,
            clock: Clock::default(),
            tasks,
        }))
    }

    /// Issues a token with which the plugin `from` may call the plugin `to`, good for an hour at most.
    ///
    /// With a user it is good for calls in the user's name, as long as the user's own token is.
    ///
    /// # Errors
    /// 501 when the user's token cannot be handed on, 503 when no key can be published.
    pub async fn issue(
        &self,
        from: &str,
        to: &str,
        user: Option<&Credentials>,
    ) -> Result<SecretString, BackstageError> {
        let now = self.0.clock.unix_seconds() as i64;
        let (obo, ends_at) = match user.filter(|user| matches!(user.principal(), Principal::User(_))) {
            Some(user) => {
                let (token, ends_at) = limited_token(user)?;
                (Some(token), ends_at)
            }
            None => (None, i64::MAX),
        };
        let claims = Claims {
            sub: from,
            aud: to,
            iat: now,
            exp: ends_at.min(now + LONGEST_TOKEN),
            obo,
        };
        let key = self.0.keys.signing_key(from, now).await;
        let key = key.map_err(no_key)?;
        key.sign(PLUGIN, &claims).map_err(|_| no_key(NoKey::NotMade))
    }

    /// Returns the key document of a plugin we serve.
    pub(super) async fn own_keys(&self, plugin_id: &str) -> Value {
        let now = self.0.clock.unix_seconds() as i64;
        self.0.keys.document(plugin_id, now).await
    }

    /// The clock everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What it does in the background runs on these.
    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }
}

fn no_key(why: NoKey) -> BackstageError {
    let text = "Stagedoor cannot sign tokens for the portal's other backends now; check backend.database and \
                backend.auth.pluginKeyStore, and try again";
    BackstageError::unavailable(StatusCode::SERVICE_UNAVAILABLE, text).with_cause(why)
}

//! Turns the token of a request into credentials, or says why not. One for all plugins.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;

use super::{
    AuthConfig, Credentials, LimitedAccess, Principal, ServicePrincipal, TokenIssuer,
    clock::Clock,
    key_source::Surroundings,
    key_store::KeyStore,
    token::{self, Jwt},
    verified::{Verified, VerifiedKey, VerifiedTokens},
};
use crate::{
    backstage::{discovery::Discovery, error::BackstageError},
    config::Live,
    infra::http_client::HttpClients,
};

/// Verifies tokens of all kinds. Cheap to clone; all clones share the caches.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) config: AuthConfig,
    pub(super) discovery: Live<Discovery>,
    pub(super) keys: KeyStore,
    pub(super) clock: Clock,
    pub(super) issuer: TokenIssuer,
    verified: VerifiedTokens,
}

impl Authenticator {
    /// An authenticator with empty caches; nothing is fetched before a token needs it. It shares the
    /// issuer's clock and tasks.
    pub fn new(
        config: AuthConfig,
        issuer: TokenIssuer,
        discovery: Live<Discovery>,
        http: HttpClients,
    ) -> Self {
        let clock = issuer.clock().clone();
        let surroundings = Surroundings {
            http,
            tasks: issuer.tasks().clone(),
            clock: clock.clone(),
        };
        Self(Arc::new(Inner {
            config,
            discovery,
            issuer,
            verified: VerifiedTokens::new(clock.clone()),
            keys: KeyStore::new(surroundings),
            clock,
        }))
    }

    /// Returns the clock everything here goes by; a test moves it.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Returns who sends these headers to the plugin; nobody is fine here.
    ///
    /// # Errors
    ///
    /// 401 with Backstage's sentence when a token is there and not accepted; the reason is logged, never told. 403 when
    /// an external caller is restricted to other plugins.
    pub async fn authenticate(
        &self,
        plugin_id: &'static str,
        headers: &HeaderMap,
        limited: LimitedAccess,
    ) -> Result<Credentials, BackstageError> {
        match token::find(headers, limited) {
            Some(token) => self.authenticate_token(plugin_id, &token, limited).await,
            None => Ok(Credentials::none()),
        }
    }

    /// The same for a token that was found otherwise.
    pub(super) async fn authenticate_token(
        &self,
        plugin_id: &'static str,
        token: &str,
        limited: LimitedAccess,
    ) -> Result<Credentials, BackstageError> {
        let key = VerifiedKey::new(token, plugin_id, limited);
        if let Some(credentials) = self.0.verified.get(&key, &self.0.discovery.load()) {
            return Ok(credentials);
        }
        let discovery = self.0.discovery.get();
        let verified = self.0.verify(plugin_id, token, limited).await?;
        let credentials = verified.credentials.clone();
        self.0.verified.keep(key, verified, discovery);
        Ok(credentials)
    }

    /// Returns the key document of a plugin we serve.
    pub(super) async fn own_keys(&self, plugin_id: &str) -> Value {
        self.0.issuer.own_keys(plugin_id).await
    }

    /// Returns the address a browser calls the plugin at.
    pub(super) fn external_base(&self, plugin_id: &str) -> String {
        self.0.discovery.load().external_base(plugin_id)
    }

    /// Whole seconds since 1970.
    pub(super) fn unix_seconds(&self) -> f64 {
        self.0.clock.unix_seconds()
    }
}

impl Inner {
    /// Asks the handlers in Backstage's order; a handler that recognises its kind of token has the last word.
    async fn verify(
        &self,
        plugin_id: &'static str,
        token: &str,
        limited: LimitedAccess,
    ) -> Result<Verified, BackstageError> {
        if let Some(jwt) = Jwt::parse(token) {
            if let Some(verdict) = self.plugin_token(plugin_id, &jwt).await {
                return verdict;
            }
            if let Some(verdict) = self.user_token(token, &jwt, limited).await {
                return verdict;
            }
        }
        self.external_token(plugin_id, token).await
    }

    async fn external_token(&self, plugin_id: &str, token: &str) -> Result<Verified, BackstageError> {
        let now = self.clock.unix_seconds();
        for entry in &self.config.external {
            if let Some(caller) = entry.recognise(token, &self.keys, now).await {
                let principal = Principal::Service(ServicePrincipal {
                    subject: caller.subject,
                    access_restrictions: entry.restrictions_for(plugin_id)?,
                });
                return Ok(Verified {
                    credentials: Credentials::new(principal, None, None),
                    ends_at: caller.ends_at,
                    keys: caller.key.into_iter().collect(),
                });
            }
        }
        Err(BackstageError::authentication("Illegal token"))
    }
}

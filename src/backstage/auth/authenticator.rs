//! Turns the token of a request into credentials, or says why not. One for all plugins.

use std::{net::IpAddr, sync::Arc};

use http::HeaderMap;
use serde_json::Value;

use super::{
    AuthConfig, Credentials, LimitedAccess, Principal, ServicePrincipal, TokenIssuer,
    clock::Clock,
    key_source::Surroundings,
    key_store::KeyStore,
    look_ups::Newcomers,
    token::{self, Jwt},
    verified::{Verified, VerifiedKey, VerifiedTokens},
};
use crate::{
    backstage::{discovery::Discovery, error::BackstageError},
    config::Live,
    infra::http_client::HttpClients,
};

/// What a token is shown for, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// The plugin the caller wants to reach; plugin tokens must be meant for it.
    pub plugin_id: &'static str,
    /// Whether limited tokens count.
    pub limited: LimitedAccess,
    /// The caller's address, if it is known: look-ups that a token causes are charged to it.
    pub client: Option<IpAddr>,
}

/// Verifies tokens of all kinds. Cheap to clone; all clones share the caches.
#[derive(Debug, Clone)]
pub struct Authenticator(pub(super) Arc<Inner>);

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
            newcomers: Newcomers::new(),
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
        headers: &HeaderMap,
        visit: Visit,
    ) -> Result<Credentials, BackstageError> {
        match token::find(headers, visit.limited) {
            Some(token) => self.authenticate_token(&token, visit).await,
            None => Ok(Credentials::none()),
        }
    }

    /// The same for a token that was found otherwise.
    pub(super) async fn authenticate_token(
        &self,
        token: &str,
        visit: Visit,
    ) -> Result<Credentials, BackstageError> {
        let key = VerifiedKey::new(token, visit.plugin_id, visit.limited);
        if let Some(credentials) = self.0.verified.get(&key, &self.0.discovery.load()) {
            return Ok(credentials);
        }
        let discovery = self.0.discovery.get();
        let verified = self.0.verify(token, visit).await?;
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
    async fn verify(&self, token: &str, visit: Visit) -> Result<Verified, BackstageError> {
        let jwt = Jwt::parse(token).map(|jwt| jwt.sent_by(visit.client));
        if let Some(jwt) = &jwt {
            if let Some(verdict) = self.plugin_token(visit.plugin_id, jwt).await {
                return verdict;
            }
            if let Some(verdict) = self.user_token(token, jwt, visit.limited).await {
                return verdict;
            }
        }
        self.external_token(visit.plugin_id, (token, jwt.as_ref())).await
    }

    async fn external_token(
        &self,
        plugin_id: &str,
        sent: (&str, Option<&Jwt<'_>>),
    ) -> Result<Verified, BackstageError> {
        let now = self.clock.unix_seconds();
        for entry in &self.config.external {
            if let Some(caller) = entry.recognise(sent, &self.keys, now).await {
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

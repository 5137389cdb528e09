//! What a user owns through, as the auth backend tells it (`GET /api/auth/v1/userinfo`).

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use moka::sync::Cache;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::{auth::Credentials, discovery::Discovery, error::BackstageError, plugin::PluginEnv};
use crate::{config::Live, infra::http_client::HttpClients};

/// How long an answer serves: a person who left a group keeps it this long.
const FRESH: Duration = Duration::from_secs(60);

/// Users remembered; the least used is forgotten first.
const MOST_USERS: u64 = 10_000;

/// The auth backend answers from memory or its database.
const LIMIT: Duration = Duration::from_secs(5);

/// Far more than thousands of groups need.
const MAX_ANSWER: usize = 1 << 20;

/// Asks the auth backend, and remembers for a minute.
#[derive(Debug, Clone)]
pub struct UserInfo {
    http: HttpClients,
    discovery: Live<Discovery>,
    known: Cache<String, Arc<[String]>>,
}

#[derive(Deserialize)]
struct Answer {
    claims: Claims,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    ent: Vec<String>,
}

impl UserInfo {
    /// Asks nothing yet.
    pub fn new(env: &PluginEnv) -> Self {
        Self {
            http: env.http.clone(),
            discovery: env.discovery.clone(),
            known: Cache::builder()
                .max_capacity(MOST_USERS)
                .time_to_live(FRESH)
                .build(),
        }
    }

    /// The entities the caller owns through, such as `group:default/team-a`; the user is one of them.
    ///
    /// Works with full and with limited user tokens.
    ///
    /// # Errors
    /// 502 or 504 `ServiceUnavailableError` when the auth backend does not tell; it is never taken for "none".
    pub async fn ownership(&self, caller: &Credentials) -> Result<Arc<[String]>, BackstageError> {
        let user = caller.subject().unwrap_or_default();
        if let Some(known) = self.known.get(user) {
            return Ok(known);
        }
        let asked = timeout(LIMIT, self.ask(caller)).await;
        let claims = asked
            .unwrap_or_else(|_| Err(unavailable(StatusCode::GATEWAY_TIMEOUT, "did not answer in time")))?;
        if claims.sub != user {
            return Err(unavailable(StatusCode::BAD_GATEWAY, "spoke of another user"));
        }
        let entities: Arc<[String]> = claims.ent.into();
        self.known.insert(user.to_owned(), Arc::clone(&entities));
        Ok(entities)
    }

    async fn ask(&self, caller: &Credentials) -> Result<Claims, BackstageError> {
        let address = format!("{}/v1/userinfo", self.discovery.load().internal_base("auth"));
        let bad = |what: &str| unavailable(StatusCode::BAD_GATEWAY, what);
        let url = Url::parse(&address).map_err(|_| bad("has no usable address"))?;
        let token = caller
            .token()
            .ok_or_else(|| bad("cannot be asked without the user's token"))?;
        let request = self
            .http
            .for_url(&url)
            .get(url.clone())
            .bearer_auth(token.expose_secret());
        let unreachable = |error: reqwest::Error| bad("cannot be reached").with_cause(error.without_url());
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(bad(&format!(
                "answered with status {}",
                response.status().as_u16()
            )));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(bad("sent too much"));
            }
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| bad("sent something else than JSON of a user"))?;
        Ok(answer.claims)
    }
}

fn unavailable(status: StatusCode, what: &str) -> BackstageError {
    BackstageError::unavailable(
        status,
        format!(
            "Backstage's auth backend, which knows the user's groups, {what}; check discovery.endpoints for 'auth'"
        ),
    )
}

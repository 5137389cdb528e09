//! Calls the portal's other backend plugins: with a token of our own, for a plugin or in a user's name, or with the
//! user's own token.

use std::time::Duration;

use http::{Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::{
    auth::{Authenticator, Credentials, TokenIssuer},
    discovery::Discovery,
    error::BackstageError,
    plugin::PluginEnv,
};
use crate::{
    config::Live,
    infra::http_client::{HttpClients, WireFailure, classify, read_at_most},
};

/// Other plugins answer from memory or their database.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Far more than any answer we ask for, thousands of groups included.
const MAX_ANSWER: usize = 1 << 20;

/// Calls other plugins in the name of one of ours. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PluginClient {
    plugin_id: &'static str,
    http: HttpClients,
    discovery: Live<Discovery>,
    tokens: TokenIssuer,
    callers: Authenticator,
}

/// One call.
#[derive(Debug, Clone)]
pub struct PluginCall<'a> {
    /// Whom: a plugin id such as `permission`.
    pub plugin: &'static str,
    /// How.
    pub method: Method,
    /// Where, below the plugin's mount.
    pub path: &'a str,
    /// With what.
    pub body: Option<Value>,
    /// With whose token.
    pub bearer: Bearer<'a>,
}

/// Whose token a call carries.
#[derive(Debug, Clone, Copy)]
pub enum Bearer<'a> {
    /// One of ours, for the plugin itself.
    Plugin,
    /// One of ours, in the caller's name; a caller that is no user is not passed on.
    PluginFor(&'a Credentials),
    /// The caller's own, as it was sent; for routes that take users' tokens only.
    Caller(&'a Credentials),
}

/// What the other plugin said.
#[derive(Debug, Clone)]
pub struct PluginAnswer {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// The body; null when there is none.
    pub body: Value,
}

impl PluginClient {
    /// Asks nothing yet.
    pub fn new(plugin_id: &'static str, env: &PluginEnv) -> Self {
        Self {
            plugin_id,
            http: env.http.clone(),
            discovery: env.discovery.clone(),
            tokens: env.tokens.clone(),
            callers: env.callers.clone(),
        }
    }

    /// In whose name it calls.
    pub fn plugin_id(&self) -> &'static str {
        self.plugin_id
    }

    /// Makes the call, within five seconds from when there is a token for it.
    ///
    /// # Errors
    /// 401 when the other plugin refuses the caller's token and it is good no more; 502 or 504 when there is no answer
    /// that could be read, 501 and 503 when no token could be signed.
    pub async fn call(&self, call: PluginCall<'_>) -> Result<PluginAnswer, BackstageError> {
        let (plugin, bearer) = (call.plugin, call.bearer);
        // Under its own limit: a database that hangs is no fault of the other plugin.
        let token = self.token(&call).await?;
        let answer = timeout(LIMIT, self.exchange(call, &token)).await;
        let answer = answer.unwrap_or_else(|_| {
            let text = sentence(plugin, "did not answer in time");
            Err(BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, text))
        })?;
        if let (StatusCode::UNAUTHORIZED, Bearer::PluginFor(caller) | Bearer::Caller(caller)) =
            (answer.status, bearer)
        {
            // Ours may be at fault just as well; then the status is the caller's to judge.
            self.callers.recheck(caller).await?;
        }
        Ok(answer)
    }

    async fn token(&self, call: &PluginCall<'_>) -> Result<SecretString, BackstageError> {
        let issue = |user| self.tokens.issue(self.plugin_id, call.plugin, user);
        match call.bearer {
            Bearer::Plugin => issue(None).await,
            Bearer::PluginFor(user) => issue(Some(user)).await,
            Bearer::Caller(caller) => {
                let sent = caller.token().cloned();
                sent.ok_or_else(|| bad_gateway(call.plugin, "cannot be asked without the user's token"))
            }
        }
    }

    async fn exchange(
        &self,
        call: PluginCall<'_>,
        token: &SecretString,
    ) -> Result<PluginAnswer, BackstageError> {
        let bad = |what: &str| bad_gateway(call.plugin, what);
        let base = self.discovery.load().internal_base(call.plugin);
        let url = Url::parse(&format!("{base}{}", call.path)).map_err(|_| bad("has no usable address"))?;
        let request = self.http.for_node(&url).request(call.method, url.clone());
        let request = request.bearer_auth(token.expose_secret());
        let request = match call.body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => request,
        };
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(call.plugin, error))?;
        let status = response.status();
        let body = read_at_most(MAX_ANSWER, response).await;
        let body = body.map_err(|_| bad("broke off its answer, or sent too much"))?;
        let body = match body.as_slice() {
            [] => Value::Null,
            // What an error page says is of no use; its status is.
            text if !status.is_success() => serde_json::from_slice(text).unwrap_or_default(),
            text => serde_json::from_slice(text).map_err(|_| bad("sent something else than JSON"))?,
        };
        Ok(PluginAnswer { status, body })
    }
}

/// 502 with a sentence about the other plugin, and where its address is configured.
pub fn bad_gateway(plugin: &str, what: &str) -> BackstageError {
    BackstageError::unavailable(StatusCode::BAD_GATEWAY, sentence(plugin, what))
}

fn unreachable(plugin: &str, error: reqwest::Error) -> BackstageError {
    let what = match classify(&error) {
        WireFailure::Untrusted => {
            "shows a certificate that is not trusted; name its authority in stagedoor.tls.caFile"
        }
        WireFailure::TlsRefused => "does not accept our side of TLS",
        WireFailure::Unreachable => "cannot be reached",
        WireFailure::Interrupted => "broke off its answer",
    };
    bad_gateway(plugin, what).with_cause(error.without_url())
}

fn sentence(plugin: &str, what: &str) -> String {
    format!(
        "Backstage's {plugin} backend {what}; check discovery.endpoints for '{plugin}', or stagedoor.upstream if that is set"
    )
}

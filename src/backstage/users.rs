//! What the portal knows about a user beyond the token: ownership, and annotations of the user's entity.
//!
//! Asked with the user's own token, and remembered for a minute.

use std::{hash::Hash, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use moka::sync::Cache;
use serde_json::Value;

use super::{
    auth::{Credentials, Principal},
    error::BackstageError,
    plugin::PluginEnv,
    plugin_client::{Bearer, LIMIT, PluginCall, PluginClient, bad_gateway},
};

/// How long an answer serves. With the wait for it, a person who left a group keeps it for a minute at most.
const FRESH: Duration = Duration::from_secs(60).saturating_sub(LIMIT);

/// Users remembered; the least used is forgotten first.
const MOST_USERS: u64 = 10_000;

/// Asks the auth and catalog backends about users.
#[derive(Debug, Clone)]
pub struct Users {
    client: PluginClient,
    ownership: Cache<String, Arc<[String]>>,
    annotations: Cache<(String, String), Option<String>>,
}

impl Users {
    /// Asks nothing yet; `plugin_id` is the plugin that wants to know.
    pub fn new(plugin_id: &'static str, env: &PluginEnv) -> Self {
        Self {
            client: PluginClient::new(plugin_id, env),
            ownership: memory(),
            annotations: memory(),
        }
    }

    /// The entities the caller owns through, such as `group:default/team-a`; the user is one of them
    /// (auth backend, `GET /v1/userinfo`, which takes full and limited user tokens).
    ///
    /// # Errors
    /// 502 or 504 when the auth backend does not tell; that is never taken for "none".
    pub async fn ownership(&self, caller: &Credentials) -> Result<Arc<[String]>, BackstageError> {
        let user = caller.subject().unwrap_or_default();
        if let Some(known) = self.ownership.get(user) {
            return Ok(known);
        }
        let answer = self.ask("auth", "/v1/userinfo", caller).await?;
        let claims = &answer["claims"];
        let entities = claims["ent"].as_array().filter(|_| claims["sub"] == user);
        let entities =
            entities.ok_or_else(|| bad_gateway("auth", "did not say what the user owns through"))?;
        let text = entities.iter().map(|entity| entity.as_str().map(str::to_owned));
        let entities: Option<Arc<[String]>> = text.collect();
        let entities = entities.ok_or_else(|| bad_gateway("auth", "named an owner that is no text"))?;
        self.ownership.insert(user.to_owned(), Arc::clone(&entities));
        Ok(entities)
    }

    /// The annotation `key` of the caller's User entity; `None` when the entity or the annotation is not there
    /// (catalog backend, `GET /entities/by-name/…`, which takes full user tokens only).
    ///
    /// # Errors
    /// 403 for calls through a plugin, whose token the catalog does not take; 502 or 504 when it does not tell.
    pub async fn annotation(
        &self,
        caller: &Credentials,
        key: &str,
    ) -> Result<Option<String>, BackstageError> {
        let user = caller.subject().unwrap_or_default().to_owned();
        if let Principal::User(principal) = caller.principal()
            && principal.actor.is_some()
        {
            return Err(BackstageError::not_allowed(format!(
                "The user's annotation '{key}' cannot be looked up for calls through another plugin, because Backstage's \
                 catalog does not take the token handed on there; use usernameFrom: entityRef for such calls"
            )));
        }
        let remembered = (user, key.to_owned());
        if let Some(known) = self.annotations.get(&remembered) {
            return Ok(known);
        }
        let path = entity_path(&remembered.0)
            .ok_or_else(|| bad_gateway("catalog", "has no address for this user"))?;
        let entity = self.ask("catalog", &path, caller).await?;
        let value = entity["metadata"]["annotations"][key].as_str().map(str::to_owned);
        self.annotations.insert(remembered, value.clone());
        Ok(value)
    }

    /// A 404 is the JSON null.
    async fn ask(
        &self,
        plugin: &'static str,
        path: &str,
        caller: &Credentials,
    ) -> Result<Value, BackstageError> {
        let answer = self.client.call(PluginCall {
            plugin,
            method: Method::GET,
            path,
            body: None,
            bearer: Bearer::Caller(caller),
        });
        let answer = answer.await?;
        match answer.status {
            StatusCode::OK if answer.body.is_null() => Err(bad_gateway(plugin, "sent an empty answer")),
            StatusCode::OK => Ok(answer.body),
            StatusCode::NOT_FOUND => Ok(Value::Null),
            status => Err(bad_gateway(
                plugin,
                &format!("answered with status {}", status.as_u16()),
            )),
        }
    }
}

fn memory<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let memory = Cache::builder().max_capacity(MOST_USERS);
    memory.time_to_live(FRESH).build()
}

/// `user:default/jane` as the catalog's path names it; `None` for a text that is no reference.
fn entity_path(user: &str) -> Option<String> {
    let (kind, rest) = user.split_once(':')?;
    let (namespace, name) = rest.split_once('/')?;
    let safe = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(fits)
    };
    let all = [kind, namespace, name].into_iter().all(safe);
    all.then(|| format!("/entities/by-name/{kind}/{namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_user_is_a_minute_old_at_most_however_often_it_is_used() {
        let policy = memory::<String, ()>().policy();
        assert_eq!(
            policy.time_to_live().map(|held| held + LIMIT),
            Some(Duration::from_secs(60))
        );
    }

    #[test]
    fn only_a_full_reference_becomes_a_path() {
        let path = entity_path("user:default/jane.doe");
        assert_eq!(path.as_deref(), Some("/entities/by-name/user/default/jane.doe"));
        for none in [
            "jane",
            "user:jane",
            "user:default/",
            "user:../x",
            "user:a/b/c",
            "user:a/b?x",
            "user:a/b%2f",
        ] {
            assert_eq!(entity_path(none), None, "{none}");
        }
    }
}

//! Asks the permission backend, in the user's name (`@backstage/plugin-permission-node`, ServerPermissionClient).

use std::{sync::Arc, time::Instant};

use http::{Method, StatusCode};
use moka::sync::Cache;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Action, Judged, Needs, Permission, PermissionSettings, Verdicts, settings::LONGEST_TTL};
use crate::{
    backstage::{
        audit::Auditor,
        auth::{Credentials, Principal},
        error::BackstageError,
        plugin::PluginEnv,
        plugin_client::{Bearer, PluginCall, PluginClient, bad_gateway},
        write_callers::WriteCallers,
    },
    config::Live,
};

/// The plugin that decides.
const PERMISSION: &str = "permission";

/// Verdicts remembered; the least used is forgotten first. One is some 100 bytes.
const MOST_VERDICTS: u64 = 10_000;

/// Decides what the callers of one plugin may do. Cheap to clone; clones share what is remembered.
#[derive(Debug, Clone)]
pub struct Permissions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: PluginClient,
    settings: Live<PermissionSettings>,
    declared: &'static [Permission],
    remembered: Cache<Remembered, Verdict>,
    audit: Auditor,
}

/// A user's token, by digest, and the permission's name.
type Remembered = ([u8; 32], &'static str);

/// Whether it was allowed, and when that was asked.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    allowed: bool,
    asked_at: Instant,
}

impl Permissions {
    /// Decides for a plugin, which declares the permissions it asks for; asks nothing yet.
    pub fn new(plugin_id: &'static str, env: &PluginEnv, declared: &'static [Permission]) -> Self {
        Self(Arc::new(Inner {
            client: PluginClient::new(plugin_id, env),
            declared,
            audit: Auditor::new(plugin_id, env),
            settings: env.permission.clone(),
            remembered: Cache::builder()
                .max_capacity(MOST_VERDICTS)
                .time_to_live(LONGEST_TTL)
                .build(),
        }))
    }

    /// Whose callers are judged.
    pub fn plugin_id(&self) -> &'static str {
        self.0.client.plugin_id()
    }

    /// Every permission the plugin asks for.
    pub fn declared(&self) -> &'static [Permission] {
        self.0.declared
    }

    /// Decides whether the caller has what the operation needs, before what was sent is read. A refusal is recorded.
    ///
    /// # Errors
    /// 403 `NotAllowedError` when not; 502, 503 or 504 when the permission backend does not say.
    pub async fn judge(
        &self,
        caller: &Credentials,
        needs: &Needs,
        callers: &WriteCallers,
    ) -> Result<Judged, BackstageError> {
        let verdicts = match needs.any_of {
            [] => Ok(locally(caller, &[])),
            needed => self.decide(caller, needed).await,
        };
        let judged = verdicts.and_then(|verdicts| needs.judge(caller, verdicts, callers));
        match (judged, needs.recorded) {
            (Err(refusal), Some((event, action))) => {
                let about = || json!({ "actionType": action });
                let trail = self.0.audit.begin(event, caller, about);
                trail.end(Err(refusal), |_| Value::Null)
            }
            (judged, _) => judged,
        }
    }

    /// Passes if the caller has the permission.
    ///
    /// # Errors
    /// 403 `NotAllowedError` when not; 502, 503 or 504 when the permission backend does not say.
    pub async fn authorize(
        &self,
        caller: &Credentials,
        permission: &Permission,
    ) -> Result<(), BackstageError> {
        if self.asks_about(caller) {
            self.decide(caller, &[*permission]).await?.require(permission)
        } else {
            caller.admits(permission)
        }
    }

    /// Whether the permission backend decides, and not the limits of a service's token alone.
    fn asks_about(&self, caller: &Credentials) -> bool {
        let is_service = matches!(caller.principal(), Principal::Service(_));
        !is_service && self.0.settings.load().enabled
    }

    /// Decides about several permissions with one question, for operations that learn only later which one they take.
    ///
    /// # Errors
    /// 401 for nobody where users are judged; 502, 503 or 504 when the permission backend does not say.
    pub async fn decide(
        &self,
        caller: &Credentials,
        permissions: &[Permission],
    ) -> Result<Verdicts, BackstageError> {
        if !self.asks_about(caller) {
            return Ok(locally(caller, permissions));
        }
        if *caller.principal() == Principal::None {
            // Nobody has no token to ask with.
            return Err(BackstageError::authentication("Missing credentials"));
        }
        let allowed = match self.remembered(caller, permissions) {
            Some(allowed) => allowed,
            None => self.ask(caller, permissions).await?,
        };
        let verdict = |(permission, allowed): (&Permission, bool)| {
            let verdict = if allowed {
                Ok(())
            } else {
                Err(denied(caller, permission))
            };
            (*permission, verdict)
        };
        Ok(Verdicts::new(
            permissions.iter().zip(allowed).map(verdict).collect(),
        ))
    }

    /// The verdicts if all are about reading and young enough.
    fn remembered(&self, caller: &Credentials, permissions: &[Permission]) -> Option<Vec<bool>> {
        let ttl = self.0.settings.load().cache_ttl;
        let verdict = |permission: &Permission| {
            let found = self.0.remembered.get(&key(caller, permission)?)?;
            (found.asked_at.elapsed() < ttl).then_some(found.allowed)
        };
        permissions.iter().map(verdict).collect()
    }

    async fn ask(
        &self,
        caller: &Credentials,
        permissions: &[Permission],
    ) -> Result<Vec<bool>, BackstageError> {
        let asked_at = Instant::now();
        let items: Vec<_> = permissions
            .iter()
            .map(|permission| (Uuid::new_v4().to_string(), permission))
            .collect();
        let answer = self.0.client.call(PluginCall {
            plugin: PERMISSION,
            method: Method::POST,
            path: "/authorize",
            body: Some(json!({ "items": items.iter().map(|(id, permission)| item(id, permission)).collect::<Vec<_>>() })),
            bearer: Bearer::PluginFor(caller),
        });
        let answer = answer.await?;
        if answer.status != StatusCode::OK {
            return Err(no_verdict(answer.status));
        }
        let ids = items.iter().map(|(id, _)| id.as_str());
        let allowed = read(&answer.body, ids).ok_or_else(|| {
            bad_gateway(
                PERMISSION,
                "answered something else than ALLOW or DENY to what it was asked",
            )
        })?;
        for (permission, allowed) in permissions.iter().zip(&allowed) {
            if let Some(key) = key(caller, permission) {
                let verdict = Verdict {
                    allowed: *allowed,
                    asked_at,
                };
                self.0.remembered.insert(key, verdict);
            }
        }
        Ok(allowed)
    }
}

/// Where the permission backend is not asked: by the limits of a service's token alone.
fn locally(caller: &Credentials, permissions: &[Permission]) -> Verdicts {
    let verdict = |permission: &Permission| (*permission, caller.admits(permission));
    Verdicts::new(permissions.iter().map(verdict).collect())
}

/// Under which a verdict is remembered; `None` for one about writing, which always counts as it is now.
fn key(caller: &Credentials, permission: &Permission) -> Option<Remembered> {
    let token = caller.token()?;
    let digest = Sha256::digest(token.expose_secret()).into();
    (permission.action == Action::Read).then_some((digest, permission.name))
}

/// A basic permission, as the authorize request wants it.
fn item(id: &str, permission: &Permission) -> Value {
    json!({ "id": id, "permission": permission.described() })
}

/// Reads one verdict for each id; `None` if they do not match or say something else.
fn read<'a>(answer: &Value, ids: impl ExactSizeIterator<Item = &'a str>) -> Option<Vec<bool>> {
    let items = answer["items"]
        .as_array()
        .filter(|items| items.len() == ids.len())?;
    let verdict = |id: &str| {
        let mut same = items.iter().filter(|item| item["id"] == id);
        let verdict = match same.next()?["result"].as_str()? {
            "ALLOW" => true,
            "DENY" => false,
            _ => return None,
        };
        same.next().is_none().then_some(verdict)
    };
    ids.map(verdict).collect()
}

fn denied(caller: &Credentials, permission: &Permission) -> BackstageError {
    BackstageError::not_allowed(format!(
        "The portal's permission policy does not give {} the permission '{}'; whoever runs the portal can change that",
        caller.subject().unwrap_or("you"),
        permission.name
    ))
}

/// 503 is passed on, as Backstage does; what means that our own call was wrong must not look like the caller's fault.
fn no_verdict(status: StatusCode) -> BackstageError {
    let what = format!("did not decide, with status {}", status.as_u16());
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            let text = bad_gateway(PERMISSION, &what);
            BackstageError::unavailable(status, text.message())
        }
        _ => bad_gateway(PERMISSION, &what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn verdicts(items: Value, read_as: Option<&[bool]>) {
        let ids = ["a", "b"].into_iter();
        assert_eq!(
            read(&json!({ "items": items }), ids).as_deref(),
            read_as,
            "{items}"
        );
    }

    fn verdict(id: &str, result: &str) -> Value {
        json!({ "id": id, "result": result })
    }

    #[test]
    fn a_verdict_is_that_of_its_id_wherever_it_stands() {
        let (a, b) = (verdict("a", "ALLOW"), verdict("b", "DENY"));
        verdicts(json!([a, b]), Some(&[true, false]));
        verdicts(json!([b, a]), Some(&[true, false]));
    }

    #[test]
    fn every_question_has_exactly_one_answer_and_none_is_about_something_else() {
        let (a, b) = (verdict("a", "ALLOW"), verdict("b", "ALLOW"));
        for items in [
            json!([a]),
            json!([a, a]),
            json!([a, b, verdict("c", "ALLOW")]),
            json!([a, b, b]),
            json!([a, verdict("c", "ALLOW")]),
            json!([a, verdict("B", "ALLOW")]),
            json!([a, verdict("b", "allow")]),
            json!([a, null]),
            json!({ "a": "ALLOW", "b": "ALLOW" }),
        ] {
            verdicts(items, None);
        }
    }
}

//! Opens audit events for one plugin.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{AuditEvent, AuditSettings, Trail, trail::Opening};
use crate::backstage::{auth::Credentials, plugin::PluginEnv, user_text::encode_user_text};

/// Records what is done through one plugin. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auditor {
    plugin_id: &'static str,
    settings: Arc<AuditSettings>,
}

impl Auditor {
    /// For the plugin of this id.
    pub fn new(plugin_id: &'static str, env: &PluginEnv) -> Self {
        Self {
            plugin_id,
            settings: Arc::clone(&env.audit),
        }
    }

    /// Writes that something begins, and what it is about. What `meta` returns must hold no secret and nothing of a
    /// manifest but its identity; it is asked only if the event is written at all.
    pub fn begin(&self, event: AuditEvent, caller: &Credentials, meta: impl FnOnce() -> Value) -> Trail {
        let level = self.settings.level(event.severity);
        if !Trail::is_written(level) {
            return Trail::unwritten();
        }
        let mut meta = match meta() {
            Value::Object(meta) => meta,
            _ => Map::new(),
        };
        meta.retain(|_, value| !value.is_null());
        Trail::open(Opening {
            plugin_id: self.plugin_id,
            event,
            level,
            actor: actor(caller),
            request: caller.origin().map(|origin| origin.request()),
            meta,
        })
    }
}

/// Who acts: the person also when the call came through another plugin, which is then named beside.
fn actor(caller: &Credentials) -> Value {
    let mut actor = Map::new();
    if let Some(subject) = caller.subject() {
        actor.insert("actorId".to_owned(), encode_user_text(subject).into());
    }
    if let Some(through) = caller.actor() {
        actor.insert("through".to_owned(), encode_user_text(through).into());
    }
    if let Some(origin) = caller.origin() {
        origin.describe_actor(&mut actor);
    }
    Value::Object(actor)
}

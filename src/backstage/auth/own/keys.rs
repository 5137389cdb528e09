//! What we sign with and publish, whichever way it is kept.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde_json::Value;

use super::{
    KeySettings,
    ring::{NoKey, Ring, document},
    settings::StaticKeys,
    signing_key::SigningKey,
    store::KeyTable,
};
use crate::infra::tasks::Tasks;

/// The key pairs of all plugins we serve.
#[derive(Debug)]
pub(in crate::backstage::auth) enum OwnKeys {
    /// Configured, the same for all.
    Static(StaticKeys),
    /// Rotating, each plugin its own.
    Rotating(Rotating),
}

#[derive(Debug)]
pub(in crate::backstage::auth) struct Rotating {
    table: KeyTable,
    tasks: Tasks,
    /// By plugin id; only ids we serve are asked for.
    rings: Mutex<HashMap<String, Arc<Ring>>>,
}

impl OwnKeys {
    /// Makes and asks nothing yet.
    pub(in crate::backstage::auth) fn new(settings: KeySettings, table: KeyTable, tasks: Tasks) -> Self {
        match settings {
            KeySettings::Static(keys) => Self::Static(keys),
            KeySettings::Database => Self::Rotating(Rotating {
                table,
                tasks,
                rings: Mutex::default(),
            }),
        }
    }

    /// Returns the key document of a plugin we serve.
    pub(in crate::backstage::auth) async fn document(&self, plugin_id: &str, now: i64) -> Value {
        match self {
            Self::Static(keys) => document(&keys.published),
            Self::Rotating(rotating) => document(&rotating.ring(plugin_id).published(now).await),
        }
    }

    /// Returns the key to sign with for a plugin we serve.
    ///
    /// # Errors
    /// There is none that anybody would know.
    pub(in crate::backstage::auth) async fn signing_key(
        &self,
        plugin_id: &str,
        now: i64,
    ) -> Result<Arc<SigningKey>, NoKey> {
        match self {
            Self::Static(keys) => Ok(Arc::clone(&keys.signing)),
            Self::Rotating(rotating) => rotating.ring(plugin_id).signing_key(now).await,
        }
    }
}

impl Rotating {
    fn ring(&self, plugin_id: &str) -> Arc<Ring> {
        let mut rings = self.rings.lock();
        let ring = rings
            .entry(plugin_id.to_owned())
            .or_insert_with(|| Ring::new(plugin_id, self.table.clone(), &self.tasks));
        Arc::clone(ring)
    }
}

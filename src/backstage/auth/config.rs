//! `backend.auth` and our `stagedoor.auth`: which external callers there are, and what the door refuses.

use std::collections::HashSet;

use super::{external::ExternalAccess, external_config, own::KeySettings};
use crate::config::{ConfigError, ConfigReader};

/// Plugins of a stock portal that may well call us; nobody has to list them before they count as known.
const STOCK_PLUGINS: &[&str] = &[
    "scaffolder",
    "catalog",
    "permission",
    "notifications",
    "mcp-actions",
    "auth",
    "events",
    "search",
    "signals",
];

/// Through whom callers write unless `stagedoor.actions.writeCallers` says otherwise.
const DEFAULT_WRITE_CALLER: &str = "scaffolder";

/// How the door is configured. Takes effect at the start; a change needs a restart.
#[derive(Debug)]
pub struct AuthConfig {
    /// `backend.auth.dangerouslyDisableDefaultAuthPolicy`.
    pub default_policy_disabled: bool,
    pub(super) known_plugins_only: bool,
    /// `backend.actions.pluginSources`: ids the portal vouches for besides those in `discovery.endpoints`; lower case.
    plugin_sources: HashSet<String>,
    /// `stagedoor.actions.writeCallers`; lower case.
    write_callers: HashSet<String>,
    /// In the order they are tried.
    pub(super) external: Vec<ExternalAccess>,
    pub(super) own_keys: KeySettings,
}

impl AuthConfig {
    /// Reads the keys; also the files of `backend.auth.pluginKeyStore.static`.
    ///
    /// # Errors
    ///
    /// Every problem, in Backstage's words followed by the key, never a value.
    pub fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut flag = |key: &str| match reader.optional_boolean(key) {
            Ok(flag) => flag.unwrap_or(false),
            Err(error) => {
                errors.push(error);
                false
            }
        };
        let default_policy_disabled = flag("backend.auth.dangerouslyDisableDefaultAuthPolicy");
        let known_plugins_only = flag("stagedoor.auth.knownPluginsOnly");
        let mut ids = |key: &str| {
            let ids = reader.optional_string_array(key).map_err(|error| vec![error]);
            let ids = keep(&mut errors, ids).flatten().unwrap_or_default();
            ids.iter().map(|id| id.to_ascii_lowercase()).collect()
        };
        let plugin_sources = ids("backend.actions.pluginSources");
        let write_callers = ids("stagedoor.actions.writeCallers");
        let external = keep(&mut errors, external_config::read(reader));
        let own_keys = keep(&mut errors, KeySettings::read(reader));
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            default_policy_disabled,
            known_plugins_only,
            plugin_sources,
            write_callers,
            external: external.unwrap_or_default(),
            own_keys: own_keys.unwrap_or_default(),
        })
    }

    /// Whether `backend.actions.pluginSources` lists the id (in lower case).
    pub(super) fn lists_plugin(&self, plugin_id: &str) -> bool {
        self.plugin_sources.contains(plugin_id)
    }

    /// The plugins through which callers may write: `stagedoor.actions.writeCallers`, or its default.
    pub(super) fn writing_plugins(&self) -> impl Iterator<Item = &str> {
        let default = self.write_callers.is_empty().then_some(DEFAULT_WRITE_CALLER);
        self.write_callers.iter().map(String::as_str).chain(default)
    }

    /// Whether calls of the plugin are expected, so that a flood of made-up ids must not shut it out.
    pub(super) fn expects_plugin(&self, plugin_id: &str) -> bool {
        self.lists_plugin(plugin_id)
            || self.write_callers.contains(plugin_id)
            || STOCK_PLUGINS.contains(&plugin_id)
    }
}

fn keep<T>(errors: &mut Vec<ConfigError>, result: Result<T, Vec<ConfigError>>) -> Option<T> {
    result.map_err(|more| errors.extend(more)).ok()
}

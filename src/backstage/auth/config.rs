//! `backend.auth` and our `stagedoor.auth`: which external callers there are, and what the door refuses.

use std::collections::HashSet;

use super::{external::ExternalAccess, external_config, own_keys::OwnKeys};
use crate::config::{ConfigError, ConfigReader};

/// How the door is configured. Takes effect at the start; a change needs a restart.
#[derive(Debug)]
pub struct AuthConfig {
    /// `backend.auth.dangerouslyDisableDefaultAuthPolicy`.
    pub default_policy_disabled: bool,
    pub(super) known_plugins_only: bool,
    /// `backend.actions.pluginSources`: ids the portal vouches for besides those in `discovery.endpoints`.
    pub(super) plugin_sources: HashSet<String>,
    /// In the order they are tried.
    pub(super) external: Vec<ExternalAccess>,
    pub(super) own_keys: OwnKeys,
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
        let plugin_sources = reader.optional_string_array("backend.actions.pluginSources");
        let plugin_sources = keep(&mut errors, plugin_sources.map_err(|error| vec![error])).flatten();
        let external = keep(&mut errors, external_config::read(reader));
        let own_keys = keep(&mut errors, OwnKeys::read(reader));
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            default_policy_disabled,
            known_plugins_only,
            plugin_sources: plugin_sources.unwrap_or_default().into_iter().collect(),
            external: external.unwrap_or_default(),
            own_keys: own_keys.unwrap_or_default(),
        })
    }
}

fn keep<T>(errors: &mut Vec<ConfigError>, result: Result<T, Vec<ConfigError>>) -> Option<T> {
    result.map_err(|more| errors.extend(more)).ok()
}

//! What a plugin is: a folder that owns one config section and answers under `/api/<plugin id>`.

use std::{future::Future, sync::Arc};

use super::{
    actions::Actions,
    audit::AuditSettings,
    auth::{AuthPolicy, Authenticator, TokenIssuer},
    discovery::Discovery,
    error::{self, BackstageError, RequestLine},
    permission::{PermissionSettings, Permissions},
    routes::Routes,
};
use crate::{
    config::{ConfigError, ConfigReader, ConfigStore, Live},
    infra::{data_folder::DataFolder, database::Database, http_client::HttpClients, tasks::Tasks},
};

/// One backend plugin. Registered by one line in `plugins/mod.rs`.
pub trait BackendPlugin: Sized + 'static {
    /// The plugin id: routes live under `/api/<ID>`.
    const ID: &'static str;
    /// The top-level app-config key whose presence switches the plugin on.
    const CONFIG_SECTION: &'static str;
    /// Key prefixes that follow a configuration reload; all others need a restart.
    const LIVE_KEYS: &'static [&'static str] = &[];
    /// The plugin's typed configuration.
    type Config: Send + Sync + 'static;

    /// Reads the plugin's configuration with Backstage's typed getters; reports every problem at once.
    fn config(reader: &ConfigReader) -> Result<Self::Config, Vec<ConfigError>>;

    /// What is legal in the plugin's configuration and probably not meant; each names its key and what to write.
    fn warnings(_: &ConfigReader) -> Vec<String> {
        Vec::new()
    }

    /// Starts the plugin. Must not wait for an upstream.
    fn init(
        config: Live<Self::Config>,
        env: PluginEnv,
    ) -> impl Future<Output = Result<Plugin, InitError>> + Send;

    /// Tries every upstream with the real credentials, for `stagedoor check`.
    fn check(config: Arc<Self::Config>, env: PluginEnv) -> impl Future<Output = Vec<Check>> + Send;

    /// Writes this plugin's error body; Backstage's envelope unless the frontend expects another.
    fn error_body(error: &BackstageError, request: &RequestLine) -> serde_json::Value {
        error::envelope(error, request)
    }
}

/// What a plugin may use of the service around it.
#[derive(Clone)]
pub struct PluginEnv {
    /// Clients with the configured certificate authorities, proxies and time-outs.
    pub http: HttpClients,
    /// Spawns work that shutdown waits for.
    pub tasks: Tasks,
    /// The configuration; `refresh` re-reads rotated secrets.
    pub config: ConfigStore,
    /// The folder for what should outlive a restart.
    pub data: DataFolder,
    /// The service's database; opened when somebody first needs it.
    pub database: Database,
    /// Where the portal's other plugins are; follows reloads.
    pub discovery: Live<Discovery>,
    /// Signs the tokens with which the portal's other plugins are called.
    pub tokens: TokenIssuer,
    /// Verifies callers' tokens.
    pub callers: Authenticator,
    /// How the portal decides what its users may do; follows reloads.
    pub permission: Live<PermissionSettings>,
    /// At which level each kind of audit event is written.
    pub audit: Arc<AuditSettings>,
}

/// A started plugin.
pub struct Plugin {
    /// Every route; guarded by default.
    pub routes: Routes,
    /// The paths that are open, or open to the cookie, written out.
    pub auth_policies: Vec<AuthPolicy>,
    /// What Templates, agents and scripts can run by name; empty is fine.
    pub actions: Actions,
    /// Decides what its callers may do, and declares by which permissions.
    pub permissions: Permissions,
}

/// Why a plugin could not start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InitError(pub String);

/// One line of `stagedoor check`.
#[derive(Debug, Clone)]
pub struct Check {
    /// What was tried, such as `Spacelift login`.
    pub name: String,
    /// What was seen, or what failed and what to do about it.
    pub outcome: Result<String, String>,
}

impl Check {
    /// The line about `name`.
    pub fn new(name: impl Into<String>, outcome: Result<String, String>) -> Self {
        Self {
            name: name.into(),
            outcome,
        }
    }
}

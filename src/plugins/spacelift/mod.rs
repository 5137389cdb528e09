//! Spacelift: the plugin `spacelift-io`, which lists stacks and triggers runs.

mod actions;
mod bodies;
mod check;
mod client;
mod config;
mod deadline;
mod document;
mod domain;
mod error;
#[cfg(test)]
mod error_tests;
mod failure;
mod graphql;
mod hold;
mod host_url;
mod listed;
mod notices;
mod permissions;
mod reply;
mod routes;
mod service;
mod stack_list;
#[cfg(test)]
mod testing;
mod text;
mod token;
mod transport;
mod wait;
mod writes;

use std::sync::Arc;

use serde_json::Value;

use self::{client::SpaceliftClient, config::Config, service::Spacelift};
use crate::{
    backstage::{
        error::{BackstageError, RequestLine},
        permission::Permissions,
        plugin::{BackendPlugin, Check, InitError, Plugin, PluginEnv},
    },
    config::{ConfigError, ConfigReader, Live},
};

/// The plugin `spacelift-io`, section `spacelift`.
pub(super) struct SpaceliftPlugin;

impl BackendPlugin for SpaceliftPlugin {
    const ID: &'static str = "spacelift-io";
    const CONFIG_SECTION: &'static str = "spacelift";
    const LIVE_KEYS: &'static [&'static str] = &[
        "spacelift.apiKey",
        "spacelift.apiSecret",
        "spacelift.readOnly",
        "stagedoor.actions.writeCallers",
        "stagedoor.spacelift.cacheTtl",
    ];
    type Config = Config;

    fn config(reader: &ConfigReader) -> Result<Config, Vec<ConfigError>> {
        Config::read(reader)
    }

    fn warnings(reader: &ConfigReader) -> Vec<String> {
        host_url::notice(reader).into_iter().collect()
    }

    async fn init(config: Live<Config>, env: PluginEnv) -> Result<Plugin, InitError> {
        let permissions = Permissions::new(Self::ID, &env, permissions::ALL);
        let spacelift = Spacelift::new(&config, &env, permissions.clone());
        let spacelift = spacelift.map_err(|error| InitError(error.to_string()))?;
        let spacelift = Arc::new(spacelift);
        Ok(Plugin {
            actions: actions::all(&spacelift),
            routes: routes::routes(&spacelift),
            auth_policies: vec![routes::OPEN],
            permissions,
        })
    }

    async fn check(config: Arc<Config>, env: PluginEnv) -> Vec<Check> {
        let encrypted = config.endpoint.scheme() == "https";
        match SpaceliftClient::new(&Live::new((*config).clone()), &env) {
            Ok(client) => check::run(&client, encrypted).await,
            Err(error) => vec![Check::new("Spacelift connection", Err(error.to_string()))],
        }
    }

    fn error_body(error: &BackstageError, request: &RequestLine) -> Value {
        error::body(error, request)
    }
}

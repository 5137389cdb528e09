//! SKE/Kratix: the plugin id and its error shape; its operations are not offered yet.

#[allow(dead_code, reason = "the operations that use it are not here yet")]
mod config;
#[allow(
    dead_code,
    unused_imports,
    reason = "the operations that use it are not here yet"
)]
mod domain;
mod error;

use std::sync::Arc;

use crate::{
    backstage::{
        BackendPlugin, Check, InitError, Plugin, PluginEnv,
        error::{BackstageError, RequestLine},
        routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
};

/// What a caller and `check` are told until the operations exist.
const NOT_OFFERED: &str = "This version of Stagedoor does not manage Promises yet; \
     leave the 'ske' plugin with Backstage's own backend (remove 'ske' from Stagedoor's discovery.endpoints entry)";

/// The plugin `ske`, section `ske`.
pub(super) struct SkePlugin;

impl BackendPlugin for SkePlugin {
    const ID: &'static str = "ske";
    const CONFIG_SECTION: &'static str = "ske";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, _: PluginEnv) -> Result<Plugin, InitError> {
        let routes = Routes::new()
            .get("/resource", not_offered)
            .post("/delete-resource", not_offered);
        Ok(Plugin {
            routes,
            auth_policies: Vec::new(),
        })
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        vec![Check {
            name: "ske".into(),
            outcome: Ok(format!("skipped. {NOT_OFFERED}")),
        }]
    }

    fn error_body(error: &BackstageError, request: &RequestLine) -> serde_json::Value {
        error::body(error, request)
    }
}

async fn not_offered() -> BackstageError {
    BackstageError::not_implemented(NOT_OFFERED)
}

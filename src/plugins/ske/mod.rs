//! SKE/Kratix: the plugin `ske`, which manages Promises' resources.

mod acting;
mod check;
mod clusters;
mod config;
mod domain;
mod error;
#[allow(
    dead_code,
    unused_imports,
    reason = "built before the modes that write to Git, which use all of it"
)]
mod gitops;
mod offered;
mod operations;
mod routes;
mod session;
mod sign_in;

use std::sync::Arc;

use tracing::warn;

use self::{
    clusters::Clusters,
    config::{Config, Mode},
    operations::Ske,
};
use crate::{
    backstage::{
        BackendPlugin, Check, InitError, Plugin, PluginEnv,
        error::{BackstageError, RequestLine},
    },
    config::{ConfigError, ConfigReader, Live},
};

/// What a caller and `check` are told of the mode that has no cluster.
const NO_GITOPS: &str = "This version of Stagedoor does not offer ske.mode gitops yet; leave the 'ske' plugin with \
     Backstage's own backend (remove 'ske' from Stagedoor's discovery.endpoints entry)";

/// The plugin `ske`, section `ske`.
pub(super) struct SkePlugin;

impl BackendPlugin for SkePlugin {
    const ID: &'static str = "ske";
    const CONFIG_SECTION: &'static str = "ske";
    const LIVE_KEYS: &'static [&'static str] = &[
        "kubernetes.clusterLocatorMethods",
        "stagedoor.actions.writeCallers",
        "stagedoor.ske.allow",
        "stagedoor.ske.deletePromises",
        "stagedoor.ske.impersonation",
        "stagedoor.ske.timeout",
    ];
    type Config = Config;

    fn config(reader: &ConfigReader) -> Result<Config, Vec<ConfigError>> {
        Config::read(reader)
    }

    async fn init(config: Live<Config>, env: PluginEnv) -> Result<Plugin, InitError> {
        let now = config.get();
        for notice in &now.notices {
            warn!("{notice}");
        }
        if now.permissions_enabled {
            warn!(
                "permission.enabled is true, but this version does not ask the permission backend about 'ske': what a \
                 signed-in user may do is decided by the platform cluster or by stagedoor.ske.allow"
            );
        }
        let routes = if now.mode == Mode::GitOps {
            warn!("{NO_GITOPS}");
            routes::not_offered(NO_GITOPS)
        } else {
            routes::routes(Arc::new(Ske::new(config, &env).await?))
        };
        Ok(Plugin {
            routes,
            auth_policies: Vec::new(),
        })
    }

    async fn check(config: Arc<Config>, env: PluginEnv) -> Vec<Check> {
        let failed = |problem: String| {
            vec![Check {
                name: "SKE cluster".into(),
                outcome: Err(problem),
            }]
        };
        if config.mode == Mode::GitOps {
            return failed(NO_GITOPS.to_owned());
        }
        match Clusters::new(Live::new((*config).clone()), &env).await {
            Ok(clusters) => check::run(&clusters).await,
            Err(error) => failed(error.to_string()),
        }
    }

    fn error_body(error: &BackstageError, request: &RequestLine) -> serde_json::Value {
        error::body(error, request)
    }
}

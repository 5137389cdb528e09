//! SKE/Kratix: the plugin `ske`, which manages Promises' resources.

mod acting;
mod actions;
mod check;
mod check_code_hosts;
mod check_repository;
mod clusters;
mod code_hosts;
mod config;
mod domain;
mod error;
#[cfg(test)]
mod error_tests;
mod gitops;
mod offered;
mod operations;
mod pending;
mod permissions;
mod repository;
mod routes;
mod session;
mod sign_in;
mod trouble;

use std::sync::Arc;

use tracing::warn;

use self::{
    clusters::Clusters,
    config::{Config, Mode, Scm},
    operations::{Backing, Ske},
    repository::{LiveCredentials, Repository},
};
use crate::{
    backstage::{
        BackendPlugin, Check, InitError, Plugin, PluginEnv,
        error::{BackstageError, RequestLine},
        permission::Permissions,
    },
    config::{ConfigError, ConfigReader, Live},
    infra::{data_folder::DataFolder, git::GitLibrary},
};

/// Said once when nobody judges what a portal's user writes in hybrid.
const UNJUDGED: &str = "ske.mode is hybrid and the cluster is reached with an account of Stagedoor's own: what a signed-in user may write \
     to the repository is decided by stagedoor.ske.allow and the installed Promises alone";

/// Said once when the repository shows that nothing may be touched.
const NOTHING_COMMITTED: &str = "ske.mode is gitops, and no Promise lies below ske.scm.path: no object but Promises can be read, and none be written. \
     Commit the Promises there, or list kinds in stagedoor.ske.allow";

/// Said once when the cluster shows the same.
const NOTHING_INSTALLED: &str = "ske.mode is hybrid, and the cluster has no Promise: no object but Promises can be read, and none be written. \
     Install the Promises, or list kinds in stagedoor.ske.allow";

/// The plugin `ske`, section `ske`.
pub(super) struct SkePlugin;

impl BackendPlugin for SkePlugin {
    const ID: &'static str = "ske";
    const CONFIG_SECTION: &'static str = "ske";
    const LIVE_KEYS: &'static [&'static str] = &[
        "integrations.github",
        "integrations.gitlab",
        "kubernetes.clusterLocatorMethods",
        "ske.scm.token",
        "ske.scm.username",
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
        let backing = backing(&config, &env).await?;
        let permissions = Permissions::new(Self::ID, &env, permissions::ALL);
        let ske = Arc::new(Ske::new(backing, config, &env, permissions.clone()));
        let early = Arc::clone(&ske);
        env.tasks
            .spawn_until_shutdown(async move { early.warm_up().await });
        pending::start(&ske, &env.tasks);
        Ok(Plugin {
            actions: actions::all(&ske),
            auth_policies: routes::open_paths(&ske),
            routes: routes::routes(ske),
            permissions,
        })
    }

    async fn check(config: Arc<Config>, env: PluginEnv) -> Vec<Check> {
        let config = Live::new((*config).clone());
        let mut lines = Vec::new();
        if config.get().mode.reads_cluster() {
            lines.extend(check_cluster(&config, &env).await);
        }
        if config.get().mode.writes_git() {
            lines.extend(check_git(&config, &env).await);
        }
        lines.extend(check_code_hosts::run(&config.get(), &env).await);
        lines.push(check::feed(&config.get()));
        lines
    }

    fn error_body(error: &BackstageError, request: &RequestLine) -> serde_json::Value {
        error::body(error, request)
    }
}

/// What the mode works on.
async fn backing(config: &Live<Config>, env: &PluginEnv) -> Result<Backing, InitError> {
    let now = config.get();
    Ok(match now.mode {
        Mode::Kubernetes => Backing::Kubernetes(Clusters::new(config.clone(), env).await?),
        Mode::GitOps => {
            let repository = repository(config, env, &env.data)?;
            Backing::GitOps(match now.allow {
                None => repository.saying_when_nothing_is_offered(NOTHING_COMMITTED),
                Some(_) => repository,
            })
        }
        Mode::Hybrid => {
            let clusters = Clusters::new(config.clone(), env).await?;
            if !session::judges(&now) {
                warn!("{UNJUDGED}");
            }
            Backing::Hybrid(clusters, repository(config, env, &env.data)?)
        }
    })
}

/// The repository of `ske.scm`; asks nobody.
fn repository(config: &Live<Config>, env: &PluginEnv, data: &DataFolder) -> Result<Repository, InitError> {
    let scm: Scm = match &config.get().scm {
        Some(scm) => scm.clone(),
        None => return Err(InitError("ske.scm is missing".to_owned())),
    };
    let folder = data.path().map_err(InitError)?;
    let library = GitLibrary::start(env.http.clone()).map_err(|error| InitError(error.to_string()))?;
    let credentials = LiveCredentials::new(scm.clone(), config.clone(), env.clone()).map_err(InitError)?;
    let place = (folder, Arc::new(credentials) as _);
    Ok(Repository::new(library, &scm, place, env.tasks.clone()))
}

async fn check_cluster(config: &Live<Config>, env: &PluginEnv) -> Vec<Check> {
    match Clusters::new(config.clone(), env).await {
        Ok(clusters) => check::run(&clusters).await,
        Err(error) => vec![Check::new("SKE cluster", Err(error.to_string()))],
    }
}

/// On a copy of its own, since a service that runs beside has the other.
async fn check_git(config: &Live<Config>, env: &PluginEnv) -> Vec<Check> {
    let data = env.data.passing().map_err(InitError);
    let opened = data.and_then(|data| Ok((repository(config, env, &data)?, data)));
    match opened {
        Ok((repository, _data)) => check_repository::run(&repository, &config.get()).await,
        Err(error) => vec![Check::new("SKE repository", Err(error.to_string()))],
    }
}

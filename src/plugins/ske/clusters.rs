//! The connection to the platform cluster, made from the configuration and what surrounds the process.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tracing::{error, warn};

use super::{
    config::{AuthProvider, ClusterChoice, Config, ConfiguredCluster},
    offered::Offered,
};
use crate::{
    backstage::plugin::{InitError, PluginEnv},
    config::{Environment, Live},
    infra::{
        http_client::HttpClients,
        kubernetes::{Account, Cluster, ClusterSettings, InCluster, LocalKubeconfig},
    },
};

/// The platform cluster as the configuration has it now.
pub(super) struct Clusters {
    config: Live<Config>,
    http: HttpClients,
    environment: Environment,
    held: ArcSwap<Held>,
    /// The last changed configuration that could not be used, so that it is tried and reported once.
    refused: ArcSwapOption<Config>,
}

/// A connection and the settings that go with it.
struct Held {
    /// The configuration as it was read last.
    read: Arc<Config>,
    /// What of it is in force.
    config: Arc<Config>,
    platform: Arc<Platform>,
}

/// The cluster, and what is remembered of it.
pub(super) struct Platform {
    pub(super) cluster: Cluster,
    pub(super) offered: Offered,
}

/// The platform and the settings in force.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) config: Arc<Config>,
    pub(super) platform: Arc<Platform>,
}

impl Platform {
    fn new(cluster: Cluster) -> Arc<Self> {
        let offered = Offered::default();
        Arc::new(Self { cluster, offered })
    }
}

impl Clusters {
    /// Prepares the connection; asks nothing yet.
    ///
    /// # Errors
    /// There is no cluster, or its address and its credential do not belong together.
    pub(super) async fn new(config: Live<Config>, env: &PluginEnv) -> Result<Self, InitError> {
        let environment = env.config.environment();
        let now = config.get();
        let cluster = connect(&now, &env.http, &environment).await.map_err(InitError)?;
        let held = Held {
            read: Arc::clone(&now),
            config: now,
            platform: Platform::new(cluster),
        };
        Ok(Self {
            config,
            http: env.http.clone(),
            environment,
            held: ArcSwap::from_pointee(held),
            refused: ArcSwapOption::empty(),
        })
    }

    /// The connection for the configuration that is in force; a changed one, such as a rotated token, makes a new
    /// connection. A change that cannot be used changes nothing.
    pub(super) async fn current(&self) -> Connected {
        let (held, changed) = (self.held.load_full(), self.config.get());
        let is_refused = self
            .refused
            .load()
            .as_ref()
            .is_some_and(|refused| Arc::ptr_eq(refused, &changed));
        if Arc::ptr_eq(&held.read, &changed) || is_refused {
            return held.connected();
        }
        let config = Arc::new(held.config.followed_by(&changed));
        let platform = if same_connection(&held.config, &config) {
            Ok(Arc::clone(&held.platform))
        } else {
            let made = connect(&config, &self.http, &self.environment).await;
            made.map(Platform::new)
        };
        match platform {
            Ok(platform) => {
                let newer = Held {
                    read: changed,
                    config,
                    platform,
                };
                let connected = newer.connected();
                self.held.store(Arc::new(newer));
                connected
            }
            Err(problem) => {
                error!(
                    "The changed configuration of the platform cluster cannot be used, so the one before stays: {problem}"
                );
                self.refused.store(Some(changed));
                held.connected()
            }
        }
    }
}

impl Held {
    fn connected(&self) -> Connected {
        Connected {
            config: Arc::clone(&self.config),
            platform: Arc::clone(&self.platform),
        }
    }
}

/// Whether the old connection still serves.
fn same_connection(before: &Config, after: &Config) -> bool {
    before.cluster == after.cluster
        && before.timeout == after.timeout
        && before.impersonation == after.impersonation
}

/// Connects to the cluster the configuration names.
async fn connect(config: &Config, http: &HttpClients, environment: &Environment) -> Result<Cluster, String> {
    match &config.cluster {
        ClusterChoice::None => Err("the mode reads no cluster".to_owned()),
        ClusterChoice::Ambient => ambient(config, http, environment).await,
        ClusterChoice::Configured(cluster) => {
            let settings = settings(cluster, config, environment)?;
            Cluster::new(settings, http, config.timeout).map_err(|error| format!("{}: {error}", cluster.key))
        }
    }
}

/// The cluster this process runs in, else the one of the local kubeconfig.
async fn ambient(config: &Config, http: &HttpClients, environment: &Environment) -> Result<Cluster, String> {
    if let Some(pod) = InCluster::find(environment) {
        let settings = pod.settings("in-cluster").map_err(unreadable_authority)?;
        return Cluster::new(settings, http, config.timeout).map_err(|error| error.to_string());
    }
    let Some(path) = LocalKubeconfig::find(environment) else {
        return Err(
            "No platform cluster: ske.kubernetes is not set, this is no pod with a service account, and there is no \
             kubeconfig; set ske.kubernetes.platformName to the name of a cluster below \
             kubernetes.clusterLocatorMethods"
                .to_owned(),
        );
    };
    let file = LocalKubeconfig::read(path)
        .await
        .map_err(|error| error.to_string())?;
    if file.skips_verification() {
        warn!(
            "The local kubeconfig skips the check of the API server's certificate; anybody in between can read what is sent"
        );
    }
    Cluster::local(&file, http, config.timeout).map_err(|error| error.to_string())
}

fn settings(
    cluster: &ConfiguredCluster,
    config: &Config,
    environment: &Environment,
) -> Result<ClusterSettings, String> {
    let account = match (&cluster.provider, &cluster.token) {
        (AuthProvider::LocalKubectlProxy, _) => Account::Implied,
        (_, Some(token)) => Account::Token(token.clone()),
        (AuthProvider::ServiceAccount, None) => return mounted(cluster, environment),
        (AuthProvider::Oidc { .. }, None) if config.impersonation.is_some() => {
            return mounted(cluster, environment);
        }
        (AuthProvider::Oidc { .. }, None) => Account::None,
    };
    Ok(ClusterSettings {
        name: cluster.name.clone(),
        url: cluster.url.clone(),
        trust: cluster.trust.clone(),
        account,
    })
}

/// Address, certificate authority and token of the pod, together: its token goes to no other cluster.
fn mounted(cluster: &ConfiguredCluster, environment: &Environment) -> Result<ClusterSettings, String> {
    let key = &cluster.key;
    let Some(pod) = InCluster::find(environment) else {
        return Err(format!(
            "{key}.serviceAccountToken is missing, and this is no pod with a service account; set it to a token of an \
             account of cluster '{}'",
            cluster.name
        ));
    };
    if !pod.is_at(&cluster.url) {
        return Err(format!(
            "{key}.serviceAccountToken is missing, and {key}.url is not the cluster this pod runs in, where its own \
             token would go; set the token, or set the url to https://kubernetes.default.svc"
        ));
    }
    pod.settings(&cluster.name).map_err(unreadable_authority)
}

fn unreadable_authority(error: std::io::Error) -> String {
    format!("the certificate authority Kubernetes mounts into the pod cannot be read: {error}")
}

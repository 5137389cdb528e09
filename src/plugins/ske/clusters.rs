//! The connection to the platform cluster, made from the configuration and what surrounds the process.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

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
    held: ArcSwapOption<Held>,
}

/// A connection and the configuration it was made from.
struct Held {
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
            config: now,
            platform: Platform::new(cluster),
        };
        Ok(Self {
            config,
            http: env.http.clone(),
            environment,
            held: ArcSwapOption::from_pointee(held),
        })
    }

    /// The connection for the configuration that is in force; a changed one, such as a rotated token, makes a new
    /// connection.
    ///
    /// # Errors
    /// The changed configuration cannot be used, in a sentence.
    pub(super) async fn current(&self) -> Result<Connected, String> {
        let config = self.config.get();
        if let Some(held) = self.held.load().as_ref()
            && (Arc::ptr_eq(&held.config, &config) || same_connection(&held.config, &config))
        {
            let platform = Arc::clone(&held.platform);
            return Ok(Connected { config, platform });
        }
        let platform = Platform::new(connect(&config, &self.http, &self.environment).await?);
        self.held.store(Some(Arc::new(Held {
            config: Arc::clone(&config),
            platform: Arc::clone(&platform),
        })));
        Ok(Connected { config, platform })
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

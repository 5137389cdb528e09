//! The plugin's settings: `ske` as Syntasso documents it, `kubernetes` as Backstage does, and what we add below
//! `stagedoor.ske`.

mod allow;
mod cluster_fields;
mod clusters;
mod impersonation;
mod problems;
#[cfg(test)]
mod testing;

use std::{fmt, time::Duration};

use secrecy::SecretString;
use url::Url;

use self::problems::{Problems, invalid};
use super::domain::{AllowRule, Impersonation};
use crate::{
    config::{ConfigError, ConfigReader},
    infra::kubernetes::Trust,
};

/// How long one call to the API server may take; no person waits longer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest time-out that makes sense; far longer ones are typing errors and would overflow the clock.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// Everything the plugin reads from app-config.
#[derive(Debug, Clone)]
pub(in crate::plugins) struct Config {
    /// `ske.mode`.
    pub(super) mode: Mode,
    /// The platform cluster; `None` in gitops, which has no use for one.
    pub(super) cluster: ClusterChoice,
    /// `stagedoor.ske.allow`; absent is not the same as empty.
    pub(super) allow: Option<Vec<AllowRule>>,
    /// `stagedoor.ske.deletePromises`, default false.
    pub(super) delete_promises: bool,
    /// `stagedoor.ske.impersonation`, off when absent.
    pub(super) impersonation: Option<Impersonation>,
    /// `stagedoor.ske.timeout`: one call to the API server, from connecting to the last byte. Default 15 s.
    pub(super) timeout: Duration,
    /// What is skipped or weakened by the configuration, to be said once at the start.
    pub(super) notices: Vec<String>,
}

/// The platform mode: where objects are read and written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Mode {
    /// Through the API server.
    #[default]
    Kubernetes,
    /// In the Git repository.
    GitOps,
    /// Read through the API server, written to the Git repository.
    Hybrid,
}

/// Which cluster is the platform cluster.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plugins::ske) enum ClusterChoice {
    /// None: the mode reads no cluster.
    None,
    /// The one this process runs in, or the local kubeconfig's; `ske.kubernetes` is absent.
    Ambient,
    /// One of `kubernetes.clusterLocatorMethods`.
    Configured(ConfiguredCluster),
}

/// A cluster as app-config describes it.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct ConfiguredCluster {
    /// Its name, for messages.
    pub(in crate::plugins::ske) name: String,
    /// The API server: https, or http on this machine.
    pub(in crate::plugins::ske) url: Url,
    /// Whose credentials are used.
    pub(in crate::plugins::ske) provider: AuthProvider,
    /// `serviceAccountToken`.
    pub(in crate::plugins::ske) token: Option<SecretString>,
    /// Whom we take for the API server.
    pub(in crate::plugins::ske) trust: Trust,
    /// Where it is configured, such as `kubernetes.clusterLocatorMethods[0].clusters[1]`.
    pub(in crate::plugins::ske) key: String,
}

/// `authProvider`, as far as the plugin knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) enum AuthProvider {
    /// An account of ours: the configured token, else the pod's own account.
    ServiceAccount,
    /// The signed-in user, with the token of an identity provider.
    Oidc {
        /// `oidcTokenProvider`: the provider's name, for messages.
        token_provider: String,
    },
    /// No credentials: a `kubectl proxy` on this machine has its own.
    LocalKubectlProxy,
}

impl Config {
    /// Reads all three sections and reports all that is wrong with them.
    pub(super) fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let mode = problems.of(Mode::read(reader));
        let cluster = match mode {
            Some(mode) => clusters::choose(reader, mode, &mut problems),
            None => None,
        };
        let allow = allow::read(reader, &mut problems);
        let delete_promises = problems.of(reader.optional_boolean("stagedoor.ske.deletePromises"));
        let impersonation = impersonation::read(reader, &mut problems);
        let timeout = problems.of(timeout(reader));
        if let (Some(mode), true) = (mode, reader.has("ske.scm"))
            && mode == Mode::Kubernetes
        {
            problems.notice("ske.scm is ignored, because ske.mode is kubernetes");
        }
        match (mode, cluster, timeout) {
            (Some(mode), Some(cluster), Some(timeout)) if problems.is_empty() => Ok(Self {
                mode,
                cluster,
                allow,
                delete_promises: delete_promises.flatten().unwrap_or(false),
                impersonation,
                timeout,
                notices: problems.into_notices(),
            }),
            _ => Err(problems.into_errors()),
        }
    }
}

impl Mode {
    fn read(reader: &ConfigReader) -> Result<Self, ConfigError> {
        match reader.optional_string("ske.mode")?.as_deref() {
            None => Ok(Self::default()),
            Some("kubernetes") => Ok(Self::Kubernetes),
            Some("gitops") => Ok(Self::GitOps),
            Some("hybrid") => Ok(Self::Hybrid),
            Some(_) => Err(invalid("ske.mode", "must be kubernetes, gitops or hybrid")),
        }
    }

    /// The word of `ske.mode`.
    pub(in crate::plugins::ske) fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::GitOps => "gitops",
            Self::Hybrid => "hybrid",
        }
    }

    /// Whether objects are read from the cluster.
    pub(in crate::plugins::ske) fn reads_cluster(self) -> bool {
        self != Self::GitOps
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialEq for ConfiguredCluster {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        let token = |cluster: &Self| {
            cluster
                .token
                .as_ref()
                .map(|token| token.expose_secret().to_owned())
        };
        (&self.name, &self.url, &self.provider, &self.trust, &self.key)
            == (&other.name, &other.url, &other.provider, &other.trust, &other.key)
            && token(self) == token(other)
    }
}

fn timeout(reader: &ConfigReader) -> Result<Duration, ConfigError> {
    let key = "stagedoor.ske.timeout";
    match reader.optional_duration(key)? {
        Some(Duration::ZERO) => Err(invalid(key, "must be longer than zero")),
        Some(given) if given > MAX_TIMEOUT => Err(invalid(key, "must not be longer than a day")),
        given => Ok(given.unwrap_or(DEFAULT_TIMEOUT)),
    }
}

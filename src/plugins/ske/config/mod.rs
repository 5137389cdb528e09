//! The plugin's settings: `ske` as Syntasso documents it, `kubernetes` as Backstage does, and what we add below
//! `stagedoor.ske`.

mod allow;
mod cluster_fields;
mod clusters;
mod impersonation;
mod pending;
mod repositories;
mod scm;
#[cfg(test)]
mod scm_tests;
#[cfg(test)]
mod testing;

use std::time::Duration;

pub(super) use self::{
    pending::PendingConfig,
    scm::{Login, Scm},
};

use secrecy::SecretString;
use url::Url;

use super::domain::{AllowRule, Impersonation, Writable};
use crate::{
    backstage::{integrations::Integrations, write_callers::WriteCallers},
    config::{ConfigError, ConfigReader, Problems},
    infra::kubernetes::Trust,
};

/// How long one call to the API server may take; no person waits longer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// Everything the plugin reads from app-config.
#[derive(Debug, Clone)]
pub(in crate::plugins) struct Config {
    /// `ske.mode`.
    pub(super) mode: Mode,
    /// The platform cluster; `None` in gitops, which has no use for one.
    pub(super) cluster: ClusterChoice,
    /// `ske.scm`; `None` in kubernetes mode, which writes to no repository.
    pub(super) scm: Option<Scm>,
    /// `stagedoor.ske.allow`; absent is not the same as empty.
    pub(super) allow: Option<Vec<AllowRule>>,
    /// `stagedoor.ske.deletePromises`, default false.
    pub(super) delete_promises: bool,
    /// `stagedoor.ske.repositories`.
    pub(super) repositories: Vec<Writable>,
    /// The code hosts of `integrations` that can be used.
    pub(super) integrations: Integrations,
    /// `stagedoor.ske.impersonation`, off when absent.
    pub(super) impersonation: Option<Impersonation>,
    /// `stagedoor.ske.timeout`: one call to the API server, from connecting to the last byte. Default 15 s.
    pub(super) timeout: Duration,
    /// `stagedoor.actions.writeCallers`.
    pub(super) write_callers: WriteCallers,
    /// When recorded requests are looked at, and where the catalog reads them.
    pub(super) pending: PendingConfig,
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
    /// What is in force after a reload: the mode and which cluster is the platform are as they were at the start, and
    /// all else follows.
    pub(super) fn followed_by(&self, newer: &Self) -> Self {
        let cluster = match (&self.cluster, &newer.cluster) {
            (ClusterChoice::Configured(before), ClusterChoice::Configured(after))
                if before.name == after.name =>
            {
                newer.cluster.clone()
            }
            _ => self.cluster.clone(),
        };
        Self {
            mode: self.mode,
            cluster,
            scm: self.scm.as_ref().map(|scm| scm.followed_by(newer.scm.as_ref())),
            // Which actions there are is settled at the start.
            repositories: self.repositories.clone(),
            ..newer.clone()
        }
    }

    /// Reads all three sections and reports all that is wrong with them.
    pub(super) fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let mode = problems.of(Mode::read(reader));
        let cluster = match mode {
            Some(mode) => clusters::choose(reader, mode, &mut problems),
            None => None,
        };
        let scm = match mode {
            Some(mode) if mode.writes_git() => Scm::read(reader, &mut problems),
            _ => None,
        };
        let allow = allow::read(reader, &mut problems);
        let delete_promises = problems.of(reader.optional_boolean("stagedoor.ske.deletePromises"));
        let (repositories, integrations) = repositories::read(reader, &mut problems);
        let impersonation = impersonation::read(reader, &mut problems);
        let timeout = problems.of(reader.time_limit("stagedoor.ske.timeout", DEFAULT_TIMEOUT));
        let write_callers = problems.of(WriteCallers::read(reader));
        let pending = PendingConfig::read(reader, &mut problems);
        if let (Some(mode), true) = (mode, reader.has("ske.scm"))
            && mode == Mode::Kubernetes
        {
            problems.notice("ske.scm is ignored, because ske.mode is kubernetes");
        }
        match (mode, cluster, timeout, write_callers, pending) {
            (Some(mode), Some(cluster), Some(timeout), Some(write_callers), Some(pending))
                if problems.is_empty() =>
            {
                Ok(Self {
                    mode,
                    cluster,
                    scm,
                    allow,
                    delete_promises: delete_promises.flatten().unwrap_or(false),
                    repositories,
                    integrations,
                    impersonation,
                    timeout,
                    write_callers,
                    pending,
                    notices: problems.into_notices(),
                })
            }
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
            Some(_) => Err(ConfigError::invalid(
                "ske.mode",
                "must be kubernetes, gitops or hybrid",
            )),
        }
    }

    /// Whether objects are written to the repository.
    pub(in crate::plugins::ske) fn writes_git(self) -> bool {
        self != Self::Kubernetes
    }

    /// Whether objects are read from the cluster.
    pub(in crate::plugins::ske) fn reads_cluster(self) -> bool {
        self != Self::GitOps
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        testing::{problems, read},
        *,
    };

    #[test]
    fn an_empty_section_means_the_cluster_around_us_and_the_defaults() {
        let config = read(&json!({"ske": {}})).unwrap();
        assert_eq!(
            (config.mode, config.cluster),
            (Mode::Kubernetes, ClusterChoice::Ambient)
        );
        assert_eq!((config.allow, config.impersonation), (None, None));
        assert_eq!((config.delete_promises, config.timeout), (false, DEFAULT_TIMEOUT));
        assert_eq!(config.notices, Vec::<String>::new());
    }

    /// The section in this mode, with what it needs.
    fn in_mode(mode: &str) -> serde_json::Value {
        let scm = json!({"repoUrl": "https://git.example.com/a/b", "type": "github", "token": "t"});
        json!({"mode": mode, "scm": scm})
    }

    #[test]
    fn there_are_three_modes_and_another_word_is_refused_with_their_names() {
        for (word, mode) in [
            ("kubernetes", Mode::Kubernetes),
            ("gitops", Mode::GitOps),
            ("hybrid", Mode::Hybrid),
        ] {
            let config = read(&json!({"ske": in_mode(word)})).unwrap();
            assert_eq!(config.mode, mode);
            assert_eq!(config.scm.is_some(), mode != Mode::Kubernetes);
        }
        for word in ["Kubernetes", "git", "kubernetes "] {
            let problems = problems(&json!({"ske": {"mode": word}}));
            assert_eq!(
                problems,
                ["Invalid config value: 'ske.mode' must be kubernetes, gitops or hybrid"]
            );
        }
    }

    #[test]
    fn gitops_needs_no_cluster_and_says_that_the_named_one_is_ignored() {
        let mut section = in_mode("gitops");
        section["kubernetes"] = json!({"platformName": "nowhere"});
        let config = read(&json!({ "ske": section })).unwrap();
        assert_eq!(config.cluster, ClusterChoice::None);
        assert_eq!(
            config.notices,
            ["ske.kubernetes is ignored, because ske.mode is gitops"]
        );
        assert_eq!(
            read(&json!({"ske": in_mode("hybrid")})).unwrap().cluster,
            ClusterChoice::Ambient
        );
    }

    #[test]
    fn a_repository_is_ignored_with_a_notice_in_kubernetes_mode_alone() {
        let notices = |mode: &str| read(&json!({"ske": in_mode(mode)})).unwrap().notices;
        assert_eq!(
            notices("kubernetes"),
            ["ske.scm is ignored, because ske.mode is kubernetes"]
        );
        assert_eq!(notices("hybrid"), Vec::<String>::new());
    }

    #[test]
    fn gitops_and_hybrid_need_a_repository() {
        for mode in ["gitops", "hybrid"] {
            let problems = problems(&json!({"ske": {"mode": mode}}));
            assert!(
                problems.len() == 1 && problems[0].contains("ske.scm.repoUrl"),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn after_a_reload_only_the_credential_of_the_same_repository_counts() {
        let with = |url: &str, token: &str| {
            let scm = json!({"repoUrl": url, "type": "github", "token": token, "branch": token});
            read(&json!({"ske": {"mode": "gitops", "scm": scm}})).unwrap()
        };
        let before = with("https://git.example.com/a/b", "one");
        let login = |config: &Config| config.scm.clone().unwrap().login;
        let renewed = before.followed_by(&with("https://git.example.com/a/b", "two"));
        assert!(login(&renewed) == login(&with("https://x.example.com/c", "two")));
        assert_eq!(renewed.scm.clone().unwrap().branch.as_str(), "one");
        let moved = renewed.followed_by(&with("https://elsewhere.example.com/a/b", "three"));
        assert!(
            login(&moved) == login(&renewed),
            "a credential for another server is not shown to this one"
        );
    }

    #[test]
    fn a_timeout_is_longer_than_zero_and_at_most_a_day() {
        let with = |timeout: &str| json!({"ske": {}, "stagedoor": {"ske": {"timeout": timeout}}});
        assert_eq!(read(&with("2s")).unwrap().timeout, Duration::from_secs(2));
        assert_eq!(read(&with("1 day")).unwrap().timeout, Duration::from_secs(86_400));
        for timeout in ["0s", "25h", "99999999999 days", "soon"] {
            let problems = problems(&with(timeout));
            assert!(
                problems.len() == 1 && problems[0].contains("stagedoor.ske.timeout"),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = problems(&json!({
            "ske": {"kubernetes": {"platformName": "platform"}},
            "kubernetes": {"clusterLocatorMethods": [{"type": "config", "clusters": [{
                "name": "platform", "url": "http://k8s.example.com", "authProvider": "aws", "caData": "???",
                "skipTLSVerify": "perhaps",
            }]}]},
            "stagedoor": {"ske": {
                "allow": [{"group": "apps", "kinds": [], "access": "all"}],
                "deletePromises": "perhaps", "timeout": "0s",
                "impersonation": {"user": "x", "groupsFrom": "x", "services": {"a": 1}},
            }},
        }));
        let keys = [
            "clusters[0].url",
            "clusters[0].authProvider",
            "clusters[0].caData",
            "clusters[0].skipTLSVerify",
            "allow[0].kinds",
            "allow[0].access",
            "deletePromises",
            "ske.timeout",
            "impersonation.user",
            "impersonation.groupsFrom",
            "impersonation.services.a",
        ];
        for key in keys {
            assert!(
                problems.iter().any(|problem| problem.contains(key)),
                "{key}: {problems:#?}"
            );
        }
        assert_eq!(problems.len(), keys.len(), "{problems:#?}");
    }

    #[test]
    fn a_wrong_mode_hides_none_of_the_other_problems() {
        let problems = problems(&json!({"ske": {"mode": "x"}, "stagedoor": {"ske": {"timeout": "0s"}}}));
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[tokio::test]
    async fn the_example_is_a_configuration() {
        let example = include_str!("../../../../app-config.example.yaml");
        let config =
            Config::read(&testing::loaded(example, &[("SKE_SCM_TOKEN", "t"), ("GITHUB_TOKEN", "t")]).await)
                .unwrap();
        assert_eq!((config.mode, config.timeout), (Mode::Hybrid, DEFAULT_TIMEOUT));
        assert!(matches!(&config.cluster, ClusterChoice::Configured(cluster) if cluster.name == "platform"));
        assert_eq!(config.allow.map(|rules| rules.len()), Some(1));
        assert!(config.impersonation.is_some());
        assert_eq!(config.notices, Vec::<String>::new());
    }
}

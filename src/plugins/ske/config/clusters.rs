//! Finds the platform cluster among Backstage's `kubernetes.clusterLocatorMethods`.

use std::collections::HashSet;

use url::Url;

use super::{AuthProvider, ClusterChoice, ConfiguredCluster, Mode, cluster_fields};
use crate::{
    config::{ConfigReader, Problems},
    infra::kubernetes::Trust,
};

/// Backstage's list of places that clusters come from.
const LOCATORS: &str = "kubernetes.clusterLocatorMethods";

/// Which of them is the platform cluster.
const PLATFORM: &str = "ske.kubernetes.platformName";

/// The cluster that the locator `localKubectlProxy` stands for.
const PROXY_NAME: &str = "local";

/// Where `kubectl proxy` listens unless told otherwise.
const PROXY_URL: &str = "http://localhost:8001";

/// A cluster that could be the platform cluster; its fields are read only when it is.
struct Candidate {
    name: String,
    key: String,
    /// Absent for `localKubectlProxy`, which has no fields.
    fields: Option<ConfigReader>,
}

/// Returns the cluster the mode reads; `None` when something is wrong, which is then among the problems.
pub(super) fn choose(reader: &ConfigReader, mode: Mode, problems: &mut Problems) -> Option<ClusterChoice> {
    let section = problems.of(reader.optional_config("ske.kubernetes"))?;
    if !mode.reads_cluster() {
        if section.is_some() {
            problems.notice("ske.kubernetes is ignored, because ske.mode is gitops");
        }
        return Some(ClusterChoice::None);
    }
    let Some(section) = section else {
        return Some(ClusterChoice::Ambient);
    };
    let wanted = problems.of(section.optional_string("platformName"))?;
    let candidates = candidates(reader, problems)?;
    let chosen = pick(candidates, wanted.as_deref(), problems)?;
    chosen.read(problems).map(ClusterChoice::Configured)
}

/// Returns the clusters of every locator; `None` when a list cannot be read, so that nothing follows from it.
fn candidates(reader: &ConfigReader, problems: &mut Problems) -> Option<Vec<Candidate>> {
    let locators = problems
        .of(reader.optional_config_array(LOCATORS))?
        .unwrap_or_default();
    let mut all: Vec<Candidate> = Vec::new();
    let mut complete = true;
    for locator in &locators {
        match from_locator(locator, problems) {
            Some(found) => add(&mut all, found, problems),
            None => complete = false,
        }
    }
    complete.then_some(all)
}

/// Adds the clusters of one more locator. Backstage warns of names that occur in two of them, and takes the first.
fn add(all: &mut Vec<Candidate>, found: Vec<Candidate>, problems: &mut Problems) {
    for candidate in found {
        match all.iter().find(|known| known.name == candidate.name) {
            Some(first) => problems.notice(format!(
                "{} is skipped, because {} has the same name '{}'",
                candidate.key, first.key, first.name
            )),
            None => all.push(candidate),
        }
    }
}

fn from_locator(locator: &ConfigReader, problems: &mut Problems) -> Option<Vec<Candidate>> {
    let key = locator.full_key("");
    let kind = problems.of(locator.string("type"))?;
    match kind.as_str() {
        "config" => from_list(locator, problems),
        "localKubectlProxy" => Some(vec![Candidate {
            name: PROXY_NAME.to_owned(),
            key,
            fields: None,
        }]),
        other => {
            problems.notice(format!(
                "{key} is skipped: clusters of locators of type '{other}' are not read, only those of type config \
                 and localKubectlProxy"
            ));
            Some(Vec::new())
        }
    }
}

fn from_list(locator: &ConfigReader, problems: &mut Problems) -> Option<Vec<Candidate>> {
    let clusters = problems.of(locator.config_array("clusters"))?;
    let mut names = HashSet::new();
    let mut found = Vec::new();
    let mut complete = true;
    for cluster in clusters {
        // Backstage needs the address of every cluster, so that its absence is never meant.
        complete &= problems.of(cluster_fields::required(&cluster, "url")).is_some();
        let Some(name) = problems.of(cluster_fields::required(&cluster, "name")) else {
            complete = false;
            continue;
        };
        if !names.insert(name.clone()) {
            let what =
                format!("is '{name}', as is that of another cluster in the same list; names must differ");
            problems.refuse(&cluster.full_key("name"), &what);
            complete = false;
        }
        found.push(Candidate {
            name,
            key: cluster.full_key(""),
            fields: Some(cluster),
        });
    }
    complete.then_some(found)
}

fn pick(candidates: Vec<Candidate>, wanted: Option<&str>, problems: &mut Problems) -> Option<Candidate> {
    let found = names(&candidates);
    let mut matching: Vec<Candidate> = candidates
        .into_iter()
        .filter(|candidate| wanted.is_none_or(|wanted| candidate.name == wanted))
        .collect();
    if matching.len() == 1 {
        return matching.pop();
    }
    let what = match wanted {
        Some(wanted) => {
            format!("is '{wanted}', which is the name of no cluster in {LOCATORS}; found {found}")
        }
        None => format!("must name one of the clusters in {LOCATORS}; found {found}"),
    };
    problems.refuse(PLATFORM, &what);
    None
}

fn names(candidates: &[Candidate]) -> String {
    let names: Vec<String> = candidates
        .iter()
        .map(|candidate| format!("'{}'", candidate.name))
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

impl Candidate {
    fn read(self, problems: &mut Problems) -> Option<ConfiguredCluster> {
        match self.fields {
            Some(fields) => cluster_fields::read(self.name, &fields, problems),
            None => Some(ConfiguredCluster {
                name: self.name,
                url: Url::parse(PROXY_URL).ok()?,
                provider: AuthProvider::LocalKubectlProxy,
                token: None,
                trust: Trust::System,
                key: self.key,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plugins::ske::config::testing::{loaded, problems, read, with_clusters};

    fn account(name: &str) -> Json {
        json!({"name": name, "url": "https://k8s.example.com", "authProvider": "serviceAccount"})
    }

    fn with_locators(locators: &Json) -> Json {
        json!({
            "ske": {"kubernetes": {"platformName": "platform"}},
            "kubernetes": { "clusterLocatorMethods": locators, "serviceLocatorMethod": {"type": "multiTenant"} },
        })
    }

    #[track_caller]
    fn chosen(config: &Json) -> (ConfiguredCluster, Vec<String>) {
        let config = read(config).unwrap();
        match config.cluster {
            ClusterChoice::Configured(cluster) => (cluster, config.notices),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refused(config: &Json) -> String {
        let problems = problems(config);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.concat()
    }

    #[test]
    fn the_platform_cluster_is_the_one_that_is_named() {
        let (cluster, notices) = chosen(&with_clusters(&json!([account("other"), account("platform")])));
        assert_eq!(cluster.name, "platform");
        assert_eq!(cluster.key, "kubernetes.clusterLocatorMethods[0].clusters[1]");
        assert_eq!(notices, Vec::<String>::new());
    }

    #[test]
    fn a_name_that_matches_nothing_is_refused_with_the_names_that_exist() {
        let problem = refused(&with_clusters(&json!([account("one"), account("Platform")])));
        assert!(problem.contains("'ske.kubernetes.platformName'"), "{problem}");
        assert!(problem.contains("'one', 'Platform'"), "{problem}");
        let problem = refused(&json!({"ske": {"kubernetes": {"platformName": "platform"}}}));
        assert!(
            problem.contains("kubernetes.clusterLocatorMethods") && problem.contains("none"),
            "{problem}"
        );
    }

    #[test]
    fn without_a_name_there_must_be_exactly_one_cluster() {
        let mut config = with_clusters(&json!([account("any")]));
        config["ske"]["kubernetes"] = json!({});
        assert_eq!(chosen(&config).0.name, "any");
        for clusters in [json!([]), json!([account("a"), account("b")])] {
            let mut config = with_clusters(&clusters);
            config["ske"]["kubernetes"] = json!({});
            assert!(refused(&config).contains("'ske.kubernetes.platformName' must name one"));
        }
    }

    #[test]
    fn other_clusters_may_be_anything_backstage_reaches() {
        let other = json!({"name": "other", "url": "http://k8s.example.com", "authProvider": "aws", "caData": "???",
            "caFile": "/nowhere"});
        let (cluster, notices) = chosen(&with_clusters(&json!([other, account("platform")])));
        assert_eq!((cluster.name.as_str(), notices.len()), ("platform", 0));
    }

    #[test]
    fn every_cluster_needs_a_name_and_an_address() {
        for missing in ["name", "url"] {
            let mut other = account("other");
            other.as_object_mut().unwrap().shift_remove(missing);
            let problem = refused(&with_clusters(&json!([account("platform"), other])));
            let key = format!("kubernetes.clusterLocatorMethods[0].clusters[1].{missing}");
            assert!(problem.contains(&key), "{problem}");
        }
    }

    #[test]
    fn a_name_twice_in_one_list_is_refused_and_across_lists_the_first_wins_with_a_notice() {
        let problem = refused(&with_clusters(&json!([account("platform"), account("platform")])));
        assert!(
            problem.contains("clusters[1].name") && problem.contains("'platform'"),
            "{problem}"
        );
        let list = json!({"type": "config", "clusters": [account("platform")]});
        let (cluster, notices) = chosen(&with_locators(&json!([list, list])));
        assert_eq!(cluster.key, "kubernetes.clusterLocatorMethods[0].clusters[0]");
        assert_eq!(notices.len(), 1);
        assert!(
            notices[0].starts_with("kubernetes.clusterLocatorMethods[1].clusters[0] is skipped"),
            "{notices:?}"
        );
    }

    #[test]
    fn locators_of_other_types_are_skipped_with_a_notice_each() {
        let list = json!({"type": "config", "clusters": [account("platform")]});
        let locators = json!([{"type": "catalog"}, list, {"type": "gke", "projectId": "p"}, {"type": "new"}]);
        let (cluster, notices) = chosen(&with_locators(&locators));
        assert_eq!(cluster.key, "kubernetes.clusterLocatorMethods[1].clusters[0]");
        for (notice, (index, kind)) in notices.iter().zip([(0, "catalog"), (2, "gke"), (3, "new")]) {
            assert!(
                notice.starts_with(&format!("kubernetes.clusterLocatorMethods[{index}] is skipped")),
                "{notice}"
            );
            assert!(notice.contains(&format!("'{kind}'")), "{notice}");
        }
        assert_eq!(notices.len(), 3);
    }

    #[test]
    fn the_local_proxy_is_one_cluster_without_credentials() {
        let mut config = with_locators(&json!([{"type": "localKubectlProxy"}]));
        config["ske"]["kubernetes"]["platformName"] = json!("local");
        let (cluster, _) = chosen(&config);
        assert_eq!(
            (cluster.name.as_str(), cluster.url.as_str()),
            ("local", "http://localhost:8001/")
        );
        assert_eq!(
            (cluster.provider, cluster.token.is_none()),
            (AuthProvider::LocalKubectlProxy, true)
        );
        assert_eq!(cluster.key, "kubernetes.clusterLocatorMethods[0]");
    }

    #[test]
    fn a_locator_without_a_type_or_clusters_is_refused_by_its_place() {
        for (locator, key) in [
            (json!({}), "clusterLocatorMethods[0].type"),
            (json!({"type": "config"}), "clusterLocatorMethods[0].clusters"),
            (
                json!({"type": "config", "clusters": ["x"]}),
                "clusterLocatorMethods[0].clusters[0]",
            ),
        ] {
            let problem = refused(&with_locators(&json!([locator])));
            assert!(problem.contains(key), "{problem}");
        }
    }

    #[tokio::test]
    async fn an_address_whose_variable_is_missing_names_the_variable() {
        let yaml = "ske: {kubernetes: {platformName: platform}}\nkubernetes:\n  clusterLocatorMethods:\n  - type: \
                    config\n    clusters:\n    - {name: platform, url: '${K8S_URL}', authProvider: serviceAccount}\n";
        let problems = super::super::Config::read(&loaded(yaml, &[]).await).unwrap_err();
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let said = "Invalid config value: 'kubernetes.clusterLocatorMethods[0].clusters[0].url' is missing because the \
              environment variable K8S_URL is not set";
        assert!(
            problems.len() == 1 && problems[0].starts_with(said),
            "{problems:?}"
        );
    }
}

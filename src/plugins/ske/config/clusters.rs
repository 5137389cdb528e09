//! Finds the platform cluster among Backstage's `kubernetes.clusterLocatorMethods`.

use std::collections::HashSet;

use url::Url;

use super::{AuthProvider, ClusterChoice, ConfiguredCluster, Mode, cluster_fields, problems::Problems};
use crate::{config::ConfigReader, infra::kubernetes::Trust};

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

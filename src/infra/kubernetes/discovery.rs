//! Which kinds an API server serves, asked once per group and version and again on a miss.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::core::{ApiResource, GroupVersionKind};
use parking_lot::Mutex;

use super::{call::Call, cluster::Cluster, error::KubernetesError, identity::Identity, objects::escape};

/// How long an answer serves. A kind that is missing is asked for at once; only one that changed its scope waits.
const FRESH: Duration = Duration::from_secs(600);

/// How long a miss is believed, so that a loop of wrong requests costs one question a second.
const MISS_HOLDS: Duration = Duration::from_secs(1);

/// Groups remembered; beyond it the memory starts anew, since names come from outside.
const MOST_GROUPS: usize = 512;

/// Versions of a group that are looked at for a kind.
const MOST_VERSIONS: usize = 16;

/// A kind by its full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: String,
    /// Such as `v1alpha1`.
    pub version: String,
    /// Such as `Promise`.
    pub kind: String,
}

/// A kind that is served.
#[derive(Debug, Clone)]
pub struct Resource {
    pub(super) api: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// The plural, as paths and access reviews name it.
    pub fn plural(&self) -> &str {
        &self.api.plural
    }

    /// Whether paths to both are the same.
    pub(super) fn is_reached_like(&self, other: &Self) -> bool {
        self.api.plural == other.api.plural && self.namespaced == other.namespaced
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        &self.api.group
    }
}

/// What is known to be served, by group and version.
#[derive(Default)]
pub(super) struct Served(Mutex<HashMap<(String, String), Known>>);

#[derive(Clone)]
struct Known {
    resources: Arc<Vec<Resource>>,
    asked: Instant,
}

impl Served {
    fn of(&self, kind: &Kind) -> Option<Known> {
        let key = (kind.group.clone(), kind.version.clone());
        self.0
            .lock()
            .get(&key)
            .filter(|known| known.asked.elapsed() < FRESH)
            .cloned()
    }

    fn remember(&self, kind: &Kind, known: Known) {
        let mut groups = self.0.lock();
        // What does not exist is not worth a place that something else has.
        let has_room = groups.len() < MOST_GROUPS;
        if !has_room && known.resources.is_empty() {
            return;
        }
        if !has_room {
            groups.clear();
        }
        groups.insert((kind.group.clone(), kind.version.clone()), known);
    }

    /// Whether a group whose paths may have changed is to be asked for now, by the one who calls this; false when it
    /// was, or is being, asked for just now. What is known of it serves the others until there is something newer.
    pub(super) fn begins_anew(&self, kind: &Kind) -> bool {
        let key = (kind.group.clone(), kind.version.clone());
        match self.0.lock().get_mut(&key) {
            Some(known) if known.asked.elapsed() < MISS_HOLDS => false,
            Some(known) => {
                known.asked = Instant::now();
                true
            }
            None => true,
        }
    }
}

impl Cluster {
    /// Finds out how a kind is served.
    ///
    /// The answer is the same for everybody who may ask, so it is shared; it is asked for in our own name where there
    /// is one, else as the caller.
    ///
    /// # Errors
    /// `NotServed`, or the failure of the call.
    pub async fn resource(&self, identity: &Identity, kind: &Kind) -> Result<Resource, KubernetesError> {
        let known = self.served.of(kind);
        if let Some(found) = known.as_ref().and_then(|known| known.find(kind)) {
            return Ok(found);
        }
        if known.is_some_and(|known| known.asked.elapsed() < MISS_HOLDS) {
            return Err(KubernetesError::NotServed);
        }
        self.learn(identity, kind).await
    }

    /// As `resource`, without belief in what was asked for a while ago.
    ///
    /// # Errors
    /// As for `resource`.
    pub async fn resource_now(&self, identity: &Identity, kind: &Kind) -> Result<Resource, KubernetesError> {
        let known = self.served.of(kind);
        match known.filter(|known| known.asked.elapsed() < MISS_HOLDS) {
            Some(known) => known.find(kind).ok_or(KubernetesError::NotServed),
            None => self.learn(identity, kind).await,
        }
    }

    /// The versions of its group, such as `example.org/v1`, in which a kind is served.
    ///
    /// # Errors
    /// The failure of a call; a version that cannot be asked for is left out.
    pub async fn served_versions(
        &self,
        identity: &Identity,
        kind: &Kind,
    ) -> Result<Vec<String>, KubernetesError> {
        let own = Identity::Account;
        let asking = if self.has_account() { &own } else { identity };
        let path = format!("/apis/{}", escape(&kind.group));
        let group = match self.send(asking, &Call::get(path)).await {
            Ok(group) if !kind.group.is_empty() => group.body,
            Err(KubernetesError::NotServed) | Ok(_) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let versions = group["versions"].as_array().into_iter().flatten();
        let versions = versions.filter_map(|version| version["version"].as_str());
        let mut served = Vec::new();
        for version in versions.take(MOST_VERSIONS) {
            let kind = Kind {
                version: version.to_owned(),
                ..kind.clone()
            };
            if self.resource(identity, &kind).await.is_ok() {
                served.push(format!("{}/{version}", kind.group));
            }
        }
        Ok(served)
    }

    /// As `resource`, without a look at what is known.
    pub(super) async fn learn(&self, identity: &Identity, kind: &Kind) -> Result<Resource, KubernetesError> {
        let own = Identity::Account;
        let resources = self
            .ask(if self.has_account() { &own } else { identity }, kind)
            .await?;
        let known = Known {
            resources: Arc::new(resources),
            asked: Instant::now(),
        };
        let found = known.find(kind);
        self.served.remember(kind, known);
        found.ok_or(KubernetesError::NotServed)
    }

    async fn ask(&self, identity: &Identity, kind: &Kind) -> Result<Vec<Resource>, KubernetesError> {
        let version = escape(&kind.version);
        let path = match kind.group.as_str() {
            "" => format!("/api/{version}"),
            group => format!("/apis/{}/{version}", escape(group)),
        };
        let list = match self.send(identity, &Call::get(path)).await {
            Err(KubernetesError::NotServed) => return Ok(Vec::new()),
            answer => answer?.body,
        };
        let malformed = KubernetesError::Malformed { status: 200 };
        // The library takes any JSON object for an empty list.
        if !list["resources"].is_array() {
            return Err(malformed);
        }
        let list: APIResourceList = serde_json::from_value(list).map_err(|_| malformed)?;
        Ok(resources(list, kind))
    }
}

impl Known {
    fn find(&self, kind: &Kind) -> Option<Resource> {
        let mut resources = self.resources.iter();
        resources.find(|resource| resource.api.kind == kind.kind).cloned()
    }
}

/// The kinds in a list, without their subresources, which have a slash in the name.
fn resources(list: APIResourceList, asked: &Kind) -> Vec<Resource> {
    let own = list
        .resources
        .into_iter()
        .filter(|resource| !resource.name.contains('/'));
    own.map(|resource| Resource {
        namespaced: resource.namespaced,
        api: ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(&asked.group, &asked.version, &resource.kind),
            &resource.name,
        ),
    })
    .collect()
}

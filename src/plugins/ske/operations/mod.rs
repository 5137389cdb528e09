//! What the portal may ask for, one operation per file. Routes and actions call them.

mod configure_resource;
mod delete_resource;
mod dry_run;
mod get_resource;
mod git;
mod list_pending_requests;
mod look;
mod open_pull_request;
mod publish_catalog;
mod record_request;
mod resource_state;
mod steadiness;
mod wait_for_resource;

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tracing::warn;

use super::{
    NOTHING_INSTALLED,
    clusters::{Clusters, Connected},
    code_hosts::LiveCodeHosts,
    config::Config,
    domain::{ObjectRef, gitops_warning},
    error::SkeError,
    offered,
    pending::{Pending, Portal},
    permissions::{CREATE, DELETE, LIST_PENDING, MUTATE, PENDING_MUTATE, PULL_REQUEST_MUTATE, READ, UPDATE},
    repository::Repository,
    session::Session,
};
use crate::{
    backstage::{
        audit::{AuditEvent, Auditor},
        auth::Credentials,
        catalog::CatalogLocations,
        error::BackstageError,
        integrations::CodeHosts,
        notifications::Notifications,
        permission::{Judged, Needs, Permission, Permissions, Verdicts},
        plugin::PluginEnv,
        user_text::encode_user_text,
        users::Users,
        waiting::Waits,
    },
    config::Live,
    infra::{kubernetes::KubernetesError, tasks::Tasks},
};

pub(super) use self::{
    configure_resource::{ConfigureOrder, Configured, IfExists},
    open_pull_request::{OpenedPullRequest, PullRequestOrder},
    publish_catalog::{CatalogOrder, Published},
    wait_for_resource::Awaited,
};

/// The audit event of looking at objects.
const FETCH: AuditEvent = AuditEvent::fetch("resource-fetch");

/// Where objects are, by `ske.mode` as it was at the start.
pub(super) enum Backing {
    /// Read and written at the API server.
    Kubernetes(Clusters),
    /// Read and written in the repository.
    GitOps(Repository),
    /// Read at the API server, written in the repository.
    Hybrid(Clusters, Repository),
}

/// The platform as the portal uses it.
pub(super) struct Ske {
    backing: Backing,
    config: Live<Config>,
    users: Users,
    waits: Waits,
    code_hosts: LiveCodeHosts,
    permissions: Permissions,
    audit: Auditor,
    /// Writes are followed to their end in them, whether or not the caller waits.
    tasks: Tasks,
    pending: Arc<Pending>,
}

impl Ske {
    /// Asks nothing yet.
    pub(super) fn new(
        backing: Backing,
        config: Live<Config>,
        env: &PluginEnv,
        permissions: Permissions,
    ) -> Self {
        let pending = Pending::new(env.database.clone(), env.tasks.clone(), config.clone());
        pending.tell(Portal {
            catalog: feed_locations(&config, env, permissions.plugin_id()),
            notifications: Notifications::new(permissions.plugin_id(), env),
        });
        Self {
            backing,
            code_hosts: LiveCodeHosts::new(config.clone(), env),
            config,
            users: Users::new(permissions.plugin_id(), env),
            waits: Waits::new(env.tasks.clone()),
            audit: Auditor::new(permissions.plugin_id(), env),
            tasks: env.tasks.clone(),
            permissions,
            pending,
        }
    }

    /// What is recorded of requests.
    pub(super) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// The code hosts as they are configured now.
    pub(super) fn code_hosts(&self) -> CodeHosts {
        self.code_hosts.current()
    }

    /// The configuration as it was read last.
    pub(super) fn current(&self) -> Arc<Config> {
        self.config.get()
    }

    /// Decides whether the caller may, before what was sent is read.
    ///
    /// # Errors
    /// 403, or that nobody decides.
    pub(super) async fn judge(&self, caller: &Credentials, needs: &Needs) -> Result<Judged, BackstageError> {
        let config = self.config.get();
        self.permissions.judge(caller, needs, &config.write_callers).await
    }

    /// Passes if the portal gives the caller the permission.
    async fn authorize(&self, caller: &Credentials, permission: &Permission) -> Result<(), SkeError> {
        let verdict = self.permissions.authorize(caller, permission).await;
        verdict.map_err(SkeError::Backstage)
    }

    /// The caller at the cluster.
    async fn session(&self, caller: &Credentials) -> Result<Session, SkeError> {
        match &self.backing {
            Backing::Kubernetes(clusters) | Backing::Hybrid(clusters, _) => {
                Session::open(clusters.current().await, &self.users, caller).await
            }
            Backing::GitOps(_) => Err(SkeError::NoCluster),
        }
    }

    /// The settings in force.
    async fn settings(&self) -> Arc<Config> {
        match &self.backing {
            Backing::Kubernetes(clusters) | Backing::Hybrid(clusters, _) => clusters.current().await.config,
            Backing::GitOps(_) => self.config.get(),
        }
    }

    /// Fetches the repository, if there is one, so that the first request need not wait for it.
    pub(super) async fn warm_up(&self) {
        let (Backing::GitOps(repository) | Backing::Hybrid(_, repository)) = &self.backing else {
            return;
        };
        if let Err(error) = repository.warm_up().await {
            warn!("The repository could not be read yet: {error}");
        }
        if let Backing::Hybrid(clusters, _) = &self.backing {
            say_when_nothing_is_installed(&clusters.current().await).await;
        }
    }
}

async fn say_when_nothing_is_installed(connected: &Connected) {
    let cluster = &connected.platform.cluster;
    if connected.config.allow.is_some() || !cluster.has_account() {
        return;
    }
    if let Ok((_, 0)) | Err(KubernetesError::NotServed) = offered::count(cluster).await {
        warn!("{NOTHING_INSTALLED}");
    }
}

/// Passes if the portal's verdicts give the permission.
fn require(verdicts: &Verdicts, permission: &Permission) -> Result<(), SkeError> {
    verdicts.require(permission).map_err(SkeError::Backstage)
}

/// Where the portal's catalog reads our feed, as far as its app-config says.
fn feed_locations(config: &Live<Config>, env: &PluginEnv, plugin_id: &'static str) -> CatalogLocations {
    let secret = config.get().pending.feed_secret.clone();
    let end = secret.map(|secret| format!("/catalog/{}/pending-requests.yaml", secret.expose_secret()));
    CatalogLocations::find(plugin_id, env, |target| {
        end.as_ref().is_some_and(|end| target.ends_with(end.as_str()))
    })
}

/// What an audit event tells of an object: never more of its manifest than the identity.
fn about(kind: &str, what: &str, object: &ObjectRef) -> Value {
    json!({
        kind: what,
        "apiVersion": object.api_version.to_string(),
        "kind": object.kind.to_string(),
        "namespace": object.shown_namespace().map(ToString::to_string),
        "name": encode_user_text(object.name.as_str()),
    })
}

/// For events whose beginning says it all.
fn nothing_more<T>(_: &T) -> Value {
    Value::Null
}

/// The object as log lines name it. All parts but the name can hold nothing strange.
fn logged(object: &ObjectRef) -> String {
    let name = encode_user_text(object.name.as_str());
    match object.shown_namespace() {
        Some(namespace) => format!("{} {namespace}/{name}", object.kind),
        None => format!("{} {name}", object.kind),
    }
}

/// Drops the record of who set which field: most of the bytes, and nobody shows it.
fn without_bookkeeping(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    object
}

/// The server's own warnings, and whether a GitOps tool will undo a change.
fn warnings(object: &Value, mut said: Vec<String>) -> Vec<String> {
    said.extend(gitops_warning(object));
    said
}

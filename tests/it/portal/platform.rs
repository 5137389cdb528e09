//! What `ske` has behind it: a real cluster or a real Git server.

use serde_json::{Value, json};

use super::document::Shape;
use crate::support::{
    git::{
        remote::BareRepository,
        server::{GitServer, PASSWORD, USER},
    },
    kubernetes::{Cluster, RequestKind, Rule},
};

/// The kind of the document's Template.
pub(super) fn database() -> RequestKind {
    RequestKind {
        group: "marketplace.example.org".to_owned(),
        version: "v1".to_owned(),
        kind: "Database".to_owned(),
        plural: "databases".to_owned(),
        promise: "database".to_owned(),
    }
}

/// A manifest of that kind.
pub(super) fn manifest(namespace: &str, name: &str, size: &str) -> Value {
    let mut manifest = database().request(name, json!({ "size": size }));
    manifest["metadata"]["namespace"] = namespace.into();
    manifest
}

/// The Promise of that kind.
fn promise() -> Value {
    let kind = database();
    json!({
        "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise",
        "metadata": { "name": kind.promise },
        "spec": { "api": kind.definition(), "workflows": {} },
    })
}

/// Where resources live.
pub(super) trait Platform {
    /// The variables of the document's app-config, for Stagedoor alone.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// What the app-config of this shape lacks for it: nothing where the document shows this platform.
    fn overlay(&self, shape: Shape) -> &'static str;
}

/// A namespace of the real API server.
pub(super) struct InCluster {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    token: String,
}

impl InCluster {
    /// With the Promise `database` and an account that may do everything.
    pub(super) async fn open() -> Self {
        let cluster = Cluster::shared().await;
        install(&cluster).await;
        let namespace = cluster.namespace("portal").await;
        let account = cluster.service_account(&namespace, "stagedoor").await;
        cluster.allow(&account.subject(), &Rule::on("*", &["*"])).await;
        Self {
            token: cluster.token(&account).await,
            cluster,
            namespace,
        }
    }

    /// The object as the API server has it.
    pub(super) async fn live(&self, name: &str) -> Value {
        let path = database().object_path(&self.namespace, name);
        self.cluster.api().get(&path).await.ok()
    }
}

/// Unlike `Cluster::promise` for a group that tests share, each with a namespace of its own.
async fn install(cluster: &Cluster) {
    let kind = database();
    cluster.install_promises().await;
    let promises = kind.promise_path();
    let (collection, _) = promises.rsplit_once('/').unwrap();
    let made = cluster.api().create(collection, &promise()).await;
    if made.status != 409 {
        made.ok();
    }
    cluster.define(&kind.definition()).await;
    cluster.set_promise_available(&kind, true).await;
}

impl Platform for InCluster {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PLATFORM_URL", self.cluster.url()),
            ("PLATFORM_CA_DATA", self.cluster.ca_data()),
            ("PLATFORM_TOKEN", self.token.clone()),
        ]
    }

    fn overlay(&self, shape: Shape) -> &'static str {
        match shape {
            Shape::Alongside => "",
            Shape::InFront => {
                "ske: { mode: kubernetes, kubernetes: { platformName: platform } }\n\
                 kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - name: platform\n          \
                 url: ${PLATFORM_URL}\n          caData: ${PLATFORM_CA_DATA}\n          authProvider: serviceAccount\n          \
                 serviceAccountToken: ${PLATFORM_TOKEN}\n"
            }
        }
    }
}

/// A repository on a real Git server.
pub(super) struct InGit {
    pub(super) server: GitServer,
    pub(super) remote: BareRepository,
}

impl InGit {
    /// With the Promise `database` in it.
    pub(super) async fn open() -> Self {
        let server = GitServer::start().await;
        let remote = server.create("state.git");
        remote.push_file("requests/promises/database.yaml", &format!("{}\n", promise()));
        Self { server, remote }
    }
}

impl Platform for InGit {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("REQUESTS_REPOSITORY", self.server.url("state.git")),
            ("REQUESTS_USERNAME", USER.to_owned()),
            ("REQUESTS_TOKEN", PASSWORD.to_owned()),
        ]
    }

    fn overlay(&self, shape: Shape) -> &'static str {
        match shape {
            Shape::InFront => "",
            Shape::Alongside => {
                "ske:\n  mode: gitops\n  scm: { repoUrl: '${REQUESTS_REPOSITORY}', username: '${REQUESTS_USERNAME}', token: \
                 '${REQUESTS_TOKEN}', path: requests }\n"
            }
        }
    }
}

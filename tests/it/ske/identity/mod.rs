//! As whom a portal user's request is judged by a real API server.

mod crowd;
mod impersonation;
mod impersonator;
mod life;
mod lookups;
mod sign_in;
mod wire;
mod writers;

use serde_json::{Value, json};

use super::portal::{Backstage, Said, get};
use crate::support::{
    app::TestApp,
    kubernetes::{Cluster, Rule, Subject, access::ServiceAccount, audit::Entry},
};

/// Makes `backstage:default/jane` of the portal user `jane`.
const IMPERSONATION: &str = "{ impersonation: { user: 'backstage:{namespace}/{name}' } }";

/// The cluster user that `IMPERSONATION` makes.
fn impersonated(name: &str) -> String {
    format!("backstage:default/{name}")
}

/// A portal, and a namespace of the platform with an account that may do anything in it: whatever falls back to the
/// account succeeds, and is found out.
struct Scene {
    backstage: Backstage,
    cluster: Cluster,
    namespace: String,
    account: ServiceAccount,
    token: String,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let cluster = Cluster::shared().await;
        let namespace = cluster.namespace(name).await;
        let account = cluster.service_account(&namespace, "door").await;
        let anything = Rule::on("", &["configmaps"]).within(&namespace);
        cluster.allow(&account.subject(), &anything).await;
        let token = cluster.token(&account).await;
        let scene = Self {
            backstage: Backstage::start().await,
            cluster,
            namespace,
            account,
            token,
        };
        scene.write("mine").await;
        scene
    }

    /// The same, and the account may speak for others.
    async fn with_impersonation(name: &str) -> Self {
        let scene = Self::new(name).await;
        let rule = Rule::on("", &["users", "groups"]).verbs(&["impersonate"]);
        scene.cluster.allow(&scene.account.subject(), &rule).await;
        scene
    }

    /// An app whose cluster wants the users' own tokens, and in which users may write directly.
    async fn oidc(&self, ours: &str) -> TestApp {
        TestApp::start(&self.oidc_config(ours)).await
    }

    fn oidc_config(&self, ours: &str) -> String {
        let entry = "authProvider: oidc\n          oidcTokenProvider: keycloak";
        direct(&self.backstage.app_config(&self.cluster, entry, ours))
    }

    /// An app with our own account at the cluster, and in which users may write directly.
    async fn own(&self, ours: &str) -> TestApp {
        let entry = account_entry(&self.token);
        let config = self.backstage.app_config(&self.cluster, &entry, ours);
        TestApp::start(&direct(&config)).await
    }

    /// Lets the subject do this with the namespace's ConfigMaps.
    async fn allow(&self, subject: &Subject, verbs: &[&str]) {
        let rule = Rule::on("", &["configmaps"]).verbs(verbs).within(&self.namespace);
        self.cluster.allow(subject, &rule).await;
    }

    /// Writes a ConfigMap as the administrator.
    async fn write(&self, name: &str) {
        let maps = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
        let object = json!({ "metadata": { "name": name }, "data": { "of": self.namespace } });
        self.cluster.api().create(&maps, &object).await.ok();
    }

    /// A portal user's token that carries a provider's token.
    fn user(&self, name: &str, tok: impl Into<Value>) -> String {
        self.backstage.user(name, json!({ "tok": tok.into() }))
    }

    /// The provider's token of this user.
    fn provider_token(&self, name: &str) -> String {
        self.cluster.issuer().token(name, &[])
    }

    /// Reads the ConfigMap `mine` through the portal.
    async fn read(&self, app: &TestApp, token: &str) -> Said {
        get(app, token, &self.path("mine")).await
    }

    fn path(&self, name: &str) -> String {
        config_map_path(&self.namespace, name)
    }

    /// All requests about the namespace's ConfigMaps so far that the test did not make itself.
    async fn requests(&self) -> Vec<Entry> {
        // The log is in order: what came before the mark is there when the mark is.
        let name = format!("mark-{}", self.cluster.audit().mentioning(&self.namespace).len());
        let mark = format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace);
        self.cluster.api().get(&mark).await;
        let marked = |entries: &[Entry]| entries.iter().any(|entry| entry.request_uri == mark);
        let mut entries = self.cluster.audit().settled(&self.namespace, marked).await;
        entries.retain(|entry| entry.object["resource"] == "configmaps" && entry.user != "admin");
        entries
    }

    /// Asserts that there were so many requests about the namespace's objects, all judged as this user.
    async fn assert_judged_as(&self, user: &str, count: usize) {
        let requests = self.requests().await;
        assert_eq!(requests.len(), count, "{requests:#?}");
        for request in requests {
            assert_eq!(request.judged_as(), user, "{request:?}");
        }
    }

    /// Asserts that nobody asked for any of the namespace's objects.
    async fn assert_not_asked(&self) {
        let requests = self.requests().await;
        assert!(requests.is_empty(), "{requests:#?}");
    }
}

/// The path that reads a ConfigMap.
fn config_map_path(namespace: &str, name: &str) -> String {
    format!("/api/ske/resource?apiVersion=v1&kind=ConfigMap&namespace={namespace}&name={name}")
}

/// The body that configures a ConfigMap.
fn config_map(namespace: &str, name: &str, value: &str) -> Value {
    json!({ "manifest": {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace },
        "data": { "value": value },
    }})
}

fn account_entry(token: &str) -> String {
    format!("authProvider: serviceAccount\n          serviceAccountToken: {token}")
}

/// Lets users write directly; `app_config` ends in the section `stagedoor`.
fn direct(app_config: &str) -> String {
    write_callers(app_config, "[scaffolder, direct]")
}

fn write_callers(app_config: &str, listed: &str) -> String {
    format!("{app_config}  actions: {{ writeCallers: {listed} }}\n")
}

//! A platform, a portal in front of it, and our own account between them.

use serde_json::{Value, json};

use super::portal::{Backstage, Said, get, manifest, named, post, resource, said, state};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, Kratix, RequestKind, Rule, audit::Entry},
};

pub(super) const CONFIGURE: &str = "/api/ske/configure-resource";
pub(super) const DELETE: &str = "/api/ske/delete-resource";

/// One kind in one namespace, and Stagedoor as its callers see it.
pub(super) struct Place {
    pub(super) cluster: Cluster,
    pub(super) backstage: Backstage,
    pub(super) app: TestApp,
    pub(super) kind: RequestKind,
    pub(super) namespace: String,
    /// Our own account, as the API server's records name it.
    pub(super) account: String,
}

impl Place {
    /// Our account may do everything.
    pub(super) async fn open() -> Self {
        Self::with("{}").await
    }

    /// The same with this section `stagedoor.ske`.
    pub(super) async fn with(ours: &str) -> Self {
        Self::configured(ours, str::to_owned).await
    }

    /// The same with a change of the whole app-config.
    pub(super) async fn configured(ours: &str, change: impl Fn(&str) -> String) -> Self {
        Self::limited(ours, change, &Rule::on("*", &["*"])).await
    }

    /// Our account may do only this.
    pub(super) async fn may(rule: &Rule) -> Self {
        Self::limited("{}", str::to_owned, rule).await
    }

    /// All of it.
    pub(super) async fn limited(ours: &str, change: impl Fn(&str) -> String, rule: &Rule) -> Self {
        let cluster = Cluster::shared().await;
        let namespace = cluster.namespace("place").await;
        let kind = cluster.promise("Database").await;
        let account = cluster.service_account(&namespace, "portal").await;
        cluster.allow(&account.subject(), rule).await;
        let token = cluster.token(&account).await;
        let entry = format!("authProvider: serviceAccount\n          serviceAccountToken: {token}");
        let backstage = Backstage::start().await;
        let config = change(&backstage.app_config(&cluster, &entry, ours));
        Self {
            app: TestApp::start(&config).await,
            account: account.user(),
            cluster,
            backstage,
            kind,
            namespace,
        }
    }

    /// Somebody who is signed in, calling from the portal's page.
    pub(super) fn guest(&self) -> String {
        self.backstage.user("guest", json!({}))
    }

    /// The same in a step of a Template.
    pub(super) fn guests_template(&self) -> String {
        self.backstage.on_behalf_of("guest", "scaffolder")
    }

    pub(super) fn kratix(&self) -> Kratix {
        Kratix::of(&self.cluster, &self.kind, &self.namespace)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.kind.object_path(&self.namespace, name)
    }

    /// The object as the API server has it.
    pub(super) async fn live(&self, name: &str) -> Value {
        self.cluster.api().get(&self.path(name)).await.ok()
    }

    /// Creates a request past Stagedoor.
    pub(super) async fn create(&self, name: &str) -> Value {
        let request = self.kind.request(name, json!({ "size": "small" }));
        let collection = self.kind.path(&self.namespace);
        self.cluster.api().create(&collection, &request).await.ok()
    }

    pub(super) async fn read(&self, name: &str) -> Said {
        self.get(&resource(&self.kind, &self.namespace, name)).await
    }

    pub(super) async fn state(&self, name: &str) -> Value {
        self.get(&state(&self.kind, &self.namespace, name)).await.ok()
    }

    /// Configures the object of this name to have this `spec`.
    pub(super) async fn write(&self, name: &str, spec: Value) -> Said {
        self.configure(&manifest(&self.kind, &self.namespace, name, spec))
            .await
    }

    pub(super) async fn configure(&self, body: &Value) -> Said {
        post(&self.app, STATIC_TOKEN, CONFIGURE, body).await
    }

    pub(super) async fn delete(&self, name: &str) -> Said {
        let body = named(&self.kind, &self.namespace, name);
        post(&self.app, STATIC_TOKEN, DELETE, &body).await
    }

    pub(super) async fn get(&self, path: &str) -> Said {
        get(&self.app, STATIC_TOKEN, path).await
    }

    /// Sends any bytes of any type.
    pub(super) async fn send(&self, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Said {
        let request = self.app.client.post(self.app.url(path));
        let request = request.bearer_auth(STATIC_TOKEN).header("content-type", kind);
        said(request.body(body)).await
    }

    /// What our account has asked the API server for, up to a read that is made now.
    pub(super) async fn asked(&self) -> Vec<Entry> {
        self.read("the-last-one").await;
        let ours = |entry: &Entry| entry.user == self.account;
        let enough = |entries: &[Entry]| {
            entries
                .iter()
                .any(|entry| ours(entry) && entry.request_uri.ends_with("/the-last-one"))
        };
        let entries = self.cluster.audit().settled(&self.account, enough).await;
        entries.into_iter().filter(ours).collect()
    }
}

/// Asks again and again until the answer has this status; panics with the last answer after half a minute.
pub(super) async fn until<F: Future<Output = Said>>(status: u16, ask: impl Fn() -> F) -> Said {
    until_within(crate::support::app::LIMIT, status, ask).await
}

/// The same with another limit.
pub(super) async fn until_within<F: Future<Output = Said>>(
    limit: std::time::Duration,
    status: u16,
    ask: impl Fn() -> F,
) -> Said {
    let end = tokio::time::Instant::now() + limit;
    loop {
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        assert!(tokio::time::Instant::now() < end, "it stays {answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

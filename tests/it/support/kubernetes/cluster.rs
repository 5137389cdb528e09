//! The cluster as tests hold it.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{
    api::Api,
    audit::Audit,
    issuer::Issuer,
    server::{ADMIN_TOKEN, Server},
};

/// Its children end with the process; nothing here belongs to the runtime of the test that came first.
static SHARED: OnceCell<Result<Arc<Server>, String>> = OnceCell::const_new();

/// A running API server, and the administrator's access to it.
#[derive(Clone)]
pub(crate) struct Cluster {
    server: Arc<Server>,
    api: Api,
}

impl Cluster {
    /// The one for all tests; started by the first that asks.
    pub(crate) async fn shared() -> Self {
        let server = SHARED.get_or_init(|| async { Server::start(false).await.map(Arc::new) });
        match server.await {
            Ok(server) => Self::of(Arc::clone(server)),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// One for this test alone, which may stop, halt and restart it; it ends with the test.
    pub(crate) async fn own() -> Self {
        Self::started(false).await
    }

    /// One for this test alone whose certificate expired years ago.
    pub(crate) async fn with_expired_certificate() -> Self {
        Self::started(true).await
    }

    async fn started(expired_certificate: bool) -> Self {
        let server = Server::start(expired_certificate).await;
        let server = Arc::new(server.unwrap_or_else(|problem| panic!("{problem}")));
        let mut cluster = Self::of(server);
        if expired_certificate {
            cluster.api = Api::unverified(&cluster.url(), ADMIN_TOKEN);
        }
        cluster
    }

    fn of(server: Arc<Server>) -> Self {
        let api = Api::new(&server.url(), ADMIN_TOKEN, &server.authority.pem());
        Self { server, api }
    }

    /// `https://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The part of the URL that a pod finds in `KUBERNETES_SERVICE_PORT`; the host is `127.0.0.1`.
    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    /// The certificate authority of the API server, in PEM.
    pub(crate) fn ca_pem(&self) -> String {
        self.server.authority.pem()
    }

    /// The authority as `caData` has it: PEM in base64.
    pub(crate) fn ca_data(&self) -> String {
        STANDARD.encode(self.ca_pem())
    }

    /// A file with the authority in PEM.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.server.folder.join("ca.pem")
    }

    /// The token of a user in `system:masters`.
    pub(crate) fn admin_token(&self) -> &'static str {
        ADMIN_TOKEN
    }

    /// A client certificate and its key, both in PEM, for this user.
    pub(crate) fn client_certificate(&self, user: &str, groups: &[&str]) -> (String, String) {
        self.server.authority.client(user, groups)
    }

    /// The OIDC provider the API server trusts.
    pub(crate) fn issuer(&self) -> &Issuer {
        &self.server.issuer
    }

    /// The administrator.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// Whoever the token belongs to.
    pub(crate) fn bearer(&self, token: &str) -> Api {
        self.api.bearer(token)
    }

    /// What the API server wrote down of its requests.
    pub(crate) fn audit(&self) -> Audit {
        Audit::at(self.server.folder.join("audit.log"))
    }

    /// A new namespace, `<name>-<something>`.
    pub(crate) async fn namespace(&self, name: &str) -> String {
        let name = format!("{name}-{}", unique());
        let object = json!({ "metadata": { "name": name } });
        self.api.create("/api/v1/namespaces", &object).await.ok();
        name
    }

    /// Kills the API server in whatever it is doing: connections break, new ones are refused.
    pub(crate) fn stop(&self) {
        self.server.stop();
    }

    /// Starts a stopped API server again, same port, same objects; returns once it serves.
    pub(crate) async fn restart(&self) {
        let started = self.server.resume().await;
        started.unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Halts the API server: connections are made and stay, and nothing is answered until `go_on`.
    pub(crate) fn halt(&self) {
        self.server.signal("STOP");
    }

    /// Ends a `halt`.
    pub(crate) fn go_on(&self) {
        self.server.signal("CONT");
    }
}

/// Eight characters that nobody else gets, fit for a name of Kubernetes.
pub(super) fn unique() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..8].to_owned()
}

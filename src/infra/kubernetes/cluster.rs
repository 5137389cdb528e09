//! One API server: its connections, our account there, and what it is known to serve.

use std::time::Duration;

use http::HeaderMap;
use kube::Client;
use tokio::time::timeout;
use tower::ServiceBuilder;
use url::Url;

use super::{
    account::Account,
    call::{self, Answer, Call, Shown},
    discovery::Served,
    error::{Cause, KubernetesError},
    identity::{self, Identity},
    kubeconfig::{KubeconfigError, LocalKubeconfig},
    wire::Wire,
};
use crate::infra::http_client::{ClientError, HttpClients, Trust};

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// Its name, for messages.
    pub name: String,
    /// The API server's address.
    pub url: Url,
    /// Whose certificate it may show.
    pub trust: Trust,
    /// Our own credential there.
    pub account: Account,
}

/// An API server. Holds no identity but our own account's.
pub struct Cluster {
    name: String,
    /// The address without a slash at its end.
    base: String,
    account: Account,
    /// Adds no credential.
    open: Client,
    /// Adds what a kubeconfig says; otherwise the same as `open`.
    own: Client,
    limit: Duration,
    pub(super) served: Served,
}

impl Cluster {
    /// Connects to nothing yet; `limit` is the longest one call may take. Needs a running runtime.
    ///
    /// # Errors
    /// The certificate authority is not usable.
    pub fn new(settings: ClusterSettings, http: &HttpClients, limit: Duration) -> Result<Self, ClientError> {
        let client = http.for_server(&settings.url, &settings.trust, None)?;
        let open = Client::new(Wire(client), "default");
        Ok(Self {
            base: base(&settings.url),
            name: settings.name,
            account: settings.account,
            own: open.clone(),
            open,
            limit,
            served: Served::default(),
        })
    }

    /// As `new`, for the cluster a local kubeconfig names.
    ///
    /// # Errors
    /// What the file says cannot be used.
    pub fn local(
        file: &LocalKubeconfig,
        http: &HttpClients,
        limit: Duration,
    ) -> Result<Self, KubeconfigError> {
        let service = ServiceBuilder::new()
            .option_layer(file.authentication()?)
            .service(Wire(file.client(http)?));
        Ok(Self {
            name: "local kubeconfig".to_owned(),
            base: base(file.url()),
            account: Account::Kubeconfig,
            open: Client::new(Wire(file.open_client(http)?), "default"),
            own: Client::new(service, "default"),
            limit,
            served: Served::default(),
        })
    }

    /// Its name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Our own credential there.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether calls can be made in our own name.
    pub fn has_account(&self) -> bool {
        self.account.exists()
    }

    /// Makes one call as `identity`; a read that broke with its connection is made once more.
    pub(super) async fn send(&self, identity: &Identity, call: &Call) -> Result<Answer, KubernetesError> {
        match self.send_once(identity, call).await {
            Err(KubernetesError::Interrupted(_)) if call.method.is_safe() => {
                self.send_once(identity, call).await
            }
            outcome => outcome,
        }
    }

    async fn send_once(&self, identity: &Identity, call: &Call) -> Result<Answer, KubernetesError> {
        let (client, headers) = self.credentials(identity).await?;
        let shown = Shown::by(&headers);
        let request = call
            .request(&self.base, headers)
            .ok_or(KubernetesError::UnusableIdentity)?;
        let exchange = async {
            let response = client.send(request).await.map_err(failed)?;
            call::read(response, &shown).await
        };
        let answer = timeout(self.limit, exchange).await;
        answer.unwrap_or(Err(KubernetesError::Slow(self.limit)))
    }

    /// The headers of the identity, and the client that may carry them.
    async fn credentials(&self, identity: &Identity) -> Result<(&Client, HeaderMap), KubernetesError> {
        let mut headers = HeaderMap::new();
        let client = match identity {
            Identity::Token(token) => {
                identity::add_bearer(&mut headers, token)?;
                return Ok((&self.open, headers));
            }
            Identity::Account => &self.own,
            Identity::Impersonated(user) => {
                user.add_to(&mut headers)?;
                &self.own
            }
        };
        self.account.add_to(&mut headers).await?;
        Ok((client, headers))
    }
}

fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn failed(error: kube::Error) -> KubernetesError {
    match error {
        kube::Error::Service(error) => call::failed(error),
        other => KubernetesError::AccountUnreadable(Cause::new(other)),
    }
}

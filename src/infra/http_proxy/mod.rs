//! Passes requests on to one server behind us, as they came: streamed both ways, upgrades included.

mod headers;
mod upgrade;

use std::time::Duration;

use axum::{body::Body, response::Response};
use http::{Request, StatusCode, Uri, Version, uri::Scheme};
use http_body::Body as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;
use url::Url;

use super::{
    http_client::HttpClients,
    http_server::{Arrival, TrustProxy},
    tasks::Tasks,
};

/// Time to connect; a server that does not answer in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept. Node closes its own after 5 s, and a request must not meet that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Until an answer begins. A long poll of the portal holds its request for about a minute.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);

/// The same for a request with a body, which takes its time to be sent.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);

/// After this time of silence the system asks the server behind us whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The server behind us.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    origin: Uri,
    trust_proxy: TrustProxy,
    /// How the caller speaks to us: `http` or `https`.
    scheme: Scheme,
    tasks: Tasks,
}

/// Why a request got no answer from there.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No connection, or it broke before an answer began.
    #[error("The server behind this one cannot be reached")]
    Unreachable(#[source] Error),
    /// No answer began in time.
    #[error("The server behind this one did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// The request's target cannot be passed on.
    #[error("The request's target cannot be passed on")]
    Target,
}

impl ProxyError {
    /// Returns the status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Target => StatusCode::BAD_REQUEST,
            Self::Unreachable(_) => StatusCode::BAD_GATEWAY,
            Self::Slow(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl Upstream {
    /// Connects to nothing yet. `scheme` is how callers speak to us.
    pub fn new(
        origin: &Url,
        http: &HttpClients,
        callers: (TrustProxy, Scheme),
        tasks: Tasks,
    ) -> Option<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEP_ALIVE));
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(http.tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        let (trust_proxy, scheme) = callers;
        Some(Self {
            client,
            origin: origin.as_str().parse().ok()?,
            trust_proxy,
            scheme,
            tasks,
        })
    }

    /// Passes the request on and returns the answer as it comes, both without what concerns one connection only.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn forward(&self, mut request: Request<Body>) -> Result<Response, ProxyError> {
        *request.uri_mut() = self.target(request.uri()).ok_or(ProxyError::Target)?;
        *request.version_mut() = Version::HTTP_11;
        let wants_websocket = headers::wants_websocket(request.method(), request.headers());
        headers::remove_hop_by_hop(request.headers_mut());
        let has_body = !request.body().is_end_stream();
        if has_body {
            headers::frame_body(request.headers_mut());
        }
        if let Some(arrival) = request.extensions().get::<Arrival>().cloned() {
            let trusted = self.trust_proxy.trusts(arrival.peer);
            headers::forwarded(request.headers_mut(), &arrival, trusted, &self.scheme);
        }
        let caller = wants_websocket.then(|| {
            headers::put_websocket(request.headers_mut());
            hyper::upgrade::on(&mut request)
        });
        let limit = if has_body { UPLOAD_TIMEOUT } else { HEAD_TIMEOUT };
        let answer = timeout(limit, self.client.request(request)).await;
        let mut response = answer
            .map_err(|_| ProxyError::Slow(limit))?
            .map_err(ProxyError::Unreachable)?;
        headers::remove_hop_by_hop(response.headers_mut());
        if let (StatusCode::SWITCHING_PROTOCOLS, Some(caller)) = (response.status(), caller) {
            headers::put_websocket(response.headers_mut());
            upgrade::join(&self.tasks, caller, hyper::upgrade::on(&mut response));
        }
        Ok(response.map(Body::new))
    }

    /// The same path and query at the server behind us.
    fn target(&self, asked: &Uri) -> Option<Uri> {
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = Some(asked.path_and_query()?.clone());
        Uri::from_parts(parts).ok()
    }
}

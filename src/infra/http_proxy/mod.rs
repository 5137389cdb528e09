//! Passes requests on to one server behind us, as they came: streamed both ways, upgrades included.

mod connect;
mod ending;
mod error;
mod headers;
mod passage;
mod progress;
#[cfg(test)]
mod tests;
mod upgrade;

use std::{pin::pin, time::Duration};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Request, StatusCode, Uri, Version, header::PROXY_AUTHORIZATION, uri::Scheme};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, ResponseFuture},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::{
    connect::{Connector, connector},
    passage::Mark,
    progress::{CALLER_LIMIT, Party, Progress},
    upgrade::Upgrades,
};
use super::{
    http_client::HttpClients,
    http_server::{Arrival, TrustProxy},
    tasks::Tasks,
};

pub use self::{connect::Proxies, error::ProxyError, passage::PASSED};

/// How long an unused connection is kept. Node closes its own after 5 s, and a request must not meet that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// How much of an answer is read before the caller takes it, and the longest head of one: an answer's own cookies pass the
/// 16 KB that a request may have. What a slow reader leaves untaken stays with the server behind us.
const READ_AHEAD: usize = 32 * 1024;

/// Where requests are passed on to, and what has to be known of those who send them.
#[derive(Debug)]
pub struct UpstreamSettings {
    /// Scheme, host and port of the server behind us.
    pub origin: Url,
    /// Whose word counts about where a request came from.
    pub trust_proxy: TrustProxy,
    /// How callers speak to us: `http` or `https`.
    pub scheme: Scheme,
    /// Which proxies there are between us and that server.
    pub proxies: Proxies,
}

/// The server behind us.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Client<Connector, Body>,
    origin: Uri,
    trust_proxy: TrustProxy,
    scheme: Scheme,
    /// For a proxy on the way that reads our requests.
    proxy_credential: Option<HeaderValue>,
    upgrades: Upgrades,
    /// By which we know what we passed on ourselves.
    mark: Mark,
    tasks: Tasks,
}

impl Upstream {
    /// Connects to nothing yet; `None` if the origin is no address.
    pub fn new(settings: UpstreamSettings, http: &HttpClients, tasks: Tasks) -> Option<Self> {
        let (connector, proxy_credential) = connector(&settings.origin, http, &settings.proxies);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_read_buf_exact_size(READ_AHEAD)
            .build(connector);
        Some(Self {
            client,
            origin: settings.origin.as_str().parse().ok()?,
            trust_proxy: settings.trust_proxy,
            scheme: settings.scheme,
            proxy_credential,
            upgrades: Upgrades::new(tasks.clone()),
            mark: Mark::new(),
            tasks,
        })
    }

    /// Passes the request on and returns the answer as it comes, both without what concerns one connection only.
    ///
    /// # Errors
    /// There is no answer, or the request was passed on by us before.
    pub async fn forward(&self, mut request: Request<Body>) -> Result<Response, ProxyError> {
        // Looked for before what callers say of where they come from is dropped.
        let passed = self.mark.after(request.headers())?;
        *request.uri_mut() = self.target(request.uri()).ok_or(ProxyError::Target)?;
        *request.version_mut() = Version::HTTP_11;
        let wants_websocket = headers::wants_websocket(request.method(), request.headers());
        let place = match wants_websocket {
            true => {
                let client = request
                    .extensions()
                    .get::<Arrival>()
                    .map(|arrival| arrival.client);
                Some(self.upgrades.reserve(client).ok_or(ProxyError::Full)?)
            }
            false => None,
        };
        self.adapt(&mut request);
        request.headers_mut().insert(PASSED, passed);
        let caller = place.map(|place| {
            headers::put_websocket(request.headers_mut());
            (place, hyper::upgrade::on(&mut request))
        });
        let mut response = self.ask(request).await?;
        headers::remove_hop_by_hop(response.headers_mut());
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let (place, caller) = caller.ok_or(ProxyError::Unasked)?;
            headers::put_websocket(response.headers_mut());
            self.upgrades
                .join(place, caller, hyper::upgrade::on(&mut response));
        }
        Ok(ending::break_with_service(response.map(Body::new), &self.tasks))
    }

    /// Writes the headers anew that are about a connection and about where the request came from.
    fn adapt(&self, request: &mut Request<Body>) {
        headers::remove_hop_by_hop(request.headers_mut());
        if !request.body().is_end_stream() {
            headers::frame_body(request.headers_mut());
        }
        if let Some(arrival) = request.extensions().get::<Arrival>().cloned() {
            let trusted = self.trust_proxy.trusts(arrival.peer);
            headers::forwarded(request.headers_mut(), &arrival, trusted, &self.scheme);
        }
        if let Some(credential) = &self.proxy_credential {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credential.clone());
        }
    }

    /// Sends the request, and waits for an answer as long as something moves.
    async fn ask(&self, request: Request<Body>) -> Result<http::Response<Incoming>, ProxyError> {
        let progress = Progress::begin();
        let has_body = !request.body().is_end_stream();
        let request = match has_body {
            true => request.map(|body| progress.watch(body)),
            false => request,
        };
        answer(self.client.request(request), &progress).await
    }

    /// The same path and query at the server behind us.
    fn target(&self, asked: &Uri) -> Option<Uri> {
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = Some(asked.path_and_query()?.clone());
        Uri::from_parts(parts).ok()
    }
}

async fn answer(
    answering: ResponseFuture,
    progress: &Progress,
) -> Result<http::Response<Incoming>, ProxyError> {
    let mut answering = pin!(answering);
    loop {
        let (_, deadline) = progress.deadline();
        // Whose turn it is may change, and then the end may come nearer.
        let next_look = deadline.min(Instant::now() + CALLER_LIMIT);
        if let Ok(answer) = timeout_at(next_look, &mut answering).await {
            return answer.map_err(|error| ProxyError::of(error, progress.caller_failed()));
        }
        match progress.deadline() {
            // Something moved meanwhile.
            (_, later) if later > Instant::now() => {}
            (Party::Caller, _) => return Err(ProxyError::CallerSilent),
            (Party::Server, _) => return Err(ProxyError::Slow),
        }
    }
}

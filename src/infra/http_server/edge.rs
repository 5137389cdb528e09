//! The outermost service: logs every request once, catches panics, and puts on what every answer has in common.
//!
//! Logging and decoration are separate services, so that traffic that is only passed on can be logged and still
//! leave as it came.

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Request, header};
use http_body::Body as _;
use tokio::sync::Semaphore;
use tower::{Service, ServiceExt as _};

use super::{
    ambiguity::Ambiguity,
    arrival::Arrival,
    client_address::TrustProxy,
    compression::compress,
    conditional::not_modified_if_fresh,
    cors::Cors,
    encoding::Encoding,
    json::JsonResponse,
    places::Places,
    rate_limit::RateLimiter,
    rate_limit_settings::RateLimitSettings,
    refusal::{Refusal, RefusalBody},
    request_log::{FailureCause, RequestLog},
    security_headers::SecurityHeaders,
};
use crate::config::{ConfigError, ConfigReader};

/// What the edge does to every request and answer.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    security_headers: SecurityHeaders,
    cors: Cors,
    trust_proxy: TrustProxy,
    rate_limiter: Option<RateLimiter>,
    refusal_body: RefusalBody,
    /// Requests under way that came through a proxy; connections of others are counted themselves.
    behind_proxies: Places,
}

/// Requests at once of one client address behind a trusted proxy: as many as it might have connections of its own.
const MAX_REQUESTS_EACH: usize = 512;

impl EdgeSettings {
    /// Reads everything at once; reports every problem.
    pub fn read(config: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let security_headers = keep(SecurityHeaders::read(config), &mut errors);
        let cors = keep(Cors::read(config), &mut errors);
        let trust_proxy = keep(TrustProxy::read(config).map_err(|error| vec![error]), &mut errors);
        let rate_limit = keep(RateLimitSettings::read_global(config), &mut errors);
        match (security_headers, cors, trust_proxy, rate_limit) {
            (Some(security_headers), Some(cors), Some(trust_proxy), Some(rate_limit)) => Ok(Self {
                security_headers,
                cors,
                trust_proxy,
                rate_limiter: rate_limit.map(RateLimiter::new),
                refusal_body: RefusalBody(Arc::new(|refusal, _| refusal.default_body())),
                behind_proxies: Places::new(Semaphore::MAX_PERMITS, MAX_REQUESTS_EACH),
            }),
            _ => Err(errors),
        }
    }

    /// Replaces how the edge's own refusals are written, for paths whose callers expect another shape.
    #[must_use]
    pub fn with_refusal_body(
        mut self,
        refusal_body: impl Fn(&Refusal, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.refusal_body = RefusalBody(Arc::new(refusal_body));
        self
    }

    /// Which proxies are believed.
    pub fn trust_proxy(&self) -> &TrustProxy {
        &self.trust_proxy
    }

    fn refuse(&self, refusal: &Refusal, path: &str) -> Response {
        JsonResponse::from_bytes(refusal.status, (self.refusal_body.0)(refusal, path)).into_response()
    }
}

fn keep<T>(result: Result<T, Vec<ConfigError>>, errors: &mut Vec<ConfigError>) -> Option<T> {
    result.map_err(|more| errors.extend(more)).ok()
}

/// Logs each request, once; finds the caller's address; answers HEAD without a body; survives panics.
pub fn logged<B, S>(
    settings: Arc<EdgeSettings>,
    inner: S,
) -> impl Service<Request<B>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    tower::service_fn(move |request: Request<B>| {
        let settings = Arc::clone(&settings);
        let inner = inner.clone();
        async move {
            let mut request = request.map(boxed);
            let arrival = settings.find_client(&mut request);
            let log = RequestLog::begin(&request, arrival);
            let is_head = *request.method() == Method::HEAD;
            let ambiguity = request.extensions().get::<Ambiguity>().copied();
            let mut response = if let Some(ambiguity) = ambiguity {
                settings.refuse_ambiguous(ambiguity)
            } else {
                settings.with_place(inner, request, log.path()).await
            };
            if is_head {
                strip_body(&mut response);
            }
            log.end(&response);
            Ok(response)
        }
    })
}

/// Adds security headers, CORS, compression, 304 and the rate limit.
pub fn decorated<S>(
    settings: Arc<EdgeSettings>,
    inner: S,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    tower::service_fn(move |mut request: Request<Body>| {
        let settings = Arc::clone(&settings);
        let inner = inner.clone();
        async move {
            let site = settings.cors.site(request.headers());
            request.extensions_mut().insert(site);
            let granted = settings.cors.judge(request.headers());
            let mut response = match settings
                .cors
                .preflight(request.method(), request.headers(), &granted)
            {
                Some(preflight) => preflight,
                None => settings.answer(inner, request).await?,
            };
            settings.cors.decorate(granted, response.headers_mut());
            settings.security_headers.decorate(response.headers_mut());
            Ok(response)
        }
    })
}

impl EdgeSettings {
    /// Answers if the client behind a proxy has not too many requests under way.
    async fn with_place<S>(&self, inner: S, request: Request<Body>, path: &str) -> Response
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible>,
    {
        let arrival = request.extensions().get::<Arrival>();
        let proxied = arrival.filter(|arrival| self.trust_proxy.trusts(arrival.peer));
        let client = proxied.map(|arrival| arrival.client);
        let place = match client.map(|client| self.behind_proxies.try_take(Some(client))) {
            Some(None) => return self.refuse(&Refusal::TOO_MANY_AT_ONCE, path),
            taken => taken.flatten().map(Arc::new),
        };
        let mut response = match AssertUnwindSafe(inner.oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => self.after_panic(panic.as_ref(), path),
        };
        if let Some(place) = place {
            response.extensions_mut().insert(place);
        }
        response
    }

    async fn answer<S>(&self, inner: S, request: Request<Body>) -> Result<Response, Infallible>
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible>,
    {
        let method = request.method().clone();
        let accepted = Encoding::negotiate(&method, request.headers());
        let conditions = conditions(request.headers());
        let path = request.uri().clone();
        let caught = AssertUnwindSafe(self.limited(inner, request))
            .catch_unwind()
            .await;
        let mut response = match caught {
            Ok(response) => response?,
            // Caught here, the answer still gets its CORS headers, without which a browser would hide it.
            Err(panic) => self.after_panic(panic.as_ref(), path.path()),
        };
        if let Some(conditions) = conditions {
            response = not_modified_if_fresh(&method, &conditions, response);
        }
        Ok(compress(accepted, response).await)
    }

    async fn limited<S>(&self, inner: S, request: Request<Body>) -> Result<Response, Infallible>
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible>,
    {
        let client = request
            .extensions()
            .get::<Arrival>()
            .map(|arrival| arrival.client);
        let count = self
            .rate_limiter
            .as_ref()
            .zip(client)
            .and_then(|(limiter, client)| limiter.count(client));
        let Some(count) = count else {
            return inner.oneshot(request).await;
        };
        let mut response = if count.is_over() {
            self.refuse(&Refusal::TOO_MANY_REQUESTS, request.uri().path())
        } else {
            inner.oneshot(request).await?
        };
        count.decorate(response.headers_mut());
        count.answered(&response);
        Ok(response)
    }

    fn find_client<B>(&self, request: &mut Request<B>) -> Option<Arrival> {
        let arrival = request.extensions().get::<Arrival>()?;
        let client = self.trust_proxy.client(arrival.peer, request.headers());
        let arrival = request.extensions_mut().get_mut::<Arrival>()?;
        arrival.client = client;
        Some(arrival.clone())
    }

    fn refuse_ambiguous(&self, ambiguity: Ambiguity) -> Response {
        let mut response = ambiguity.refusal();
        self.security_headers.decorate(response.headers_mut());
        response
    }

    fn after_panic(&self, panic: &(dyn std::any::Any + Send), path: &str) -> Response {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("without a message");
        let mut response = self.refuse(&Refusal::PANICKED, path);
        // A panic may quote the value it stumbled over; like every line, this one is masked before it is written.
        let cause = FailureCause(format!("panicked: {text}"));
        response.extensions_mut().insert(cause);
        response
    }
}

/// The headers that can make an answer a 304; the request itself is gone by then. Most requests have none.
fn conditions(headers: &HeaderMap) -> Option<HeaderMap> {
    if !headers.contains_key(header::IF_NONE_MATCH) {
        return None;
    }
    let mut kept = HeaderMap::new();
    for name in [header::IF_NONE_MATCH, header::CACHE_CONTROL] {
        for value in headers.get_all(&name) {
            kept.append(&name, value.clone());
        }
    }
    Some(kept)
}

/// An empty body needs no box.
fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(body)
    }
}

/// Keeps the length the body would have had.
fn strip_body(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        let headers = response.headers_mut();
        if let header::Entry::Vacant(entry) = headers.entry(header::CONTENT_LENGTH)
            && length > 0
        {
            entry.insert(length.into());
        }
    }
    *response.body_mut() = Body::empty();
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use http::StatusCode;

    use super::{super::testing::config, *};

    #[tokio::test]
    async fn a_path_whose_callers_expect_another_shape_gets_it() {
        let settings = EdgeSettings::read(&config("{}"))
            .unwrap()
            .with_refusal_body(|refusal, path| {
                format!("{path}: {} {}", refusal.status.as_u16(), refusal.message).into_bytes()
            });
        let broken = tower::service_fn(|_: Request<Body>| async {
            match std::hint::black_box(true) {
                true => panic!("a defect"),
                false => Ok::<_, Infallible>(Response::default()),
            }
        });
        let request = Request::builder()
            .uri("/some/path?q")
            .body(Body::empty())
            .unwrap();
        let settings = Arc::new(settings);
        let edge = logged(Arc::clone(&settings), decorated(settings, broken));
        let response = edge.oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, "/some/path: 500 An internal error occurred");
    }

    #[tokio::test]
    async fn a_client_behind_a_proxy_has_its_share_until_it_is_answered() {
        let trusting = config(r#"{"backend":{"trustProxy":"loopback"}}"#);
        let mut settings = EdgeSettings::read(&trusting).unwrap();
        settings.behind_proxies = Places::new(9, 1);
        let inner = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::default()) });
        let edge = logged(Arc::new(settings), inner);
        let ask = |peer: [u8; 4], client: &str| {
            let mut request = Request::new(Body::empty());
            request
                .headers_mut()
                .insert("x-forwarded-for", client.parse().unwrap());
            request.extensions_mut().insert(Arrival::of_test(peer));
            edge.clone().oneshot(request)
        };
        let held = ask([127, 0, 0, 1], "1.1.1.1").await.unwrap();
        let refused = ask([127, 0, 0, 1], "1.1.1.1").await.unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        // Others have their own, and who comes without a proxy is counted by connections.
        for (peer, client) in [([127, 0, 0, 1], "2.2.2.2"), ([192, 0, 2, 1], "1.1.1.1")] {
            assert_eq!(
                ask(peer, client).await.unwrap().status(),
                StatusCode::OK,
                "{peer:?} {client}"
            );
        }
        drop(held);
        let answered = ask([127, 0, 0, 1], "1.1.1.1").await.unwrap();
        assert_eq!(answered.status(), StatusCode::OK);
    }

    #[test]
    fn every_wrong_section_is_reported_at_once() {
        let wrong = config(
            r#"{"app":{"baseUrl":"x"},"backend":{"csp":[],"trustProxy":"y","rateLimit":{"window":"z"}}}"#,
        );
        let errors = EdgeSettings::read(&wrong).unwrap_err();
        let text = errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        for key in [
            "app.baseUrl",
            "backend.csp",
            "backend.trustProxy",
            "backend.rateLimit.window",
        ] {
            assert!(text.contains(key), "{key}: {text}");
        }
    }
}

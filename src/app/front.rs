//! In front of a portal: what is ours is answered here, everything else by the backend behind us.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Request, StatusCode, header::CONNECTION, uri::Scheme};
use serde_json::json;
use tower::{Service, ServiceExt as _};
use url::Url;

use super::{away::Visit, settings::Settings};
use crate::{
    backstage::{
        PluginEnv,
        error::BackstageError,
        front::{Owner, Ownership},
        root::Root,
    },
    config::{ConfigError, ConfigReader},
    infra::{
        http_proxy::{Proxies, ProxyError, Upstream, UpstreamSettings},
        http_server::{EdgeSettings, FailureCause, JsonResponse, PrivateQuery, decorated, logged},
    },
};

/// Why a request failed that was only passed on.
const BEHIND_US: &str = "the Backstage backend behind this service answered so; its log says why";

/// The key that puts us in front.
const KEY: &str = "stagedoor.upstream";

/// The backend behind us, and what never goes there.
#[derive(Debug)]
pub(super) struct Front {
    ownership: Ownership,
    upstream: Upstream,
}

/// Reads `stagedoor.upstream`: scheme, host and port, since paths are passed on as they are.
pub(super) fn read(reader: &ConfigReader) -> Result<Option<Url>, ConfigError> {
    let Some(text) = reader.optional_string(KEY)? else {
        return Ok(None);
    };
    let invalid = |problem| ConfigError::invalid(KEY, problem);
    let url = Url::parse(&text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| invalid("is no address; give one such as http://localhost:7007"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("holds a user name or password; give the address alone"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("has a path; give scheme, host and port alone"));
    }
    Ok(Some(url))
}

/// Says so when the upstream is the portal's own address: in front of a portal that address is ours, by way of whatever
/// ends TLS before us.
pub(super) fn warning(reader: &ConfigReader, upstream: Option<&Url>) -> Option<String> {
    let base = reader.optional_string("backend.baseUrl").ok().flatten()?;
    let base = Url::parse(&base).ok()?;
    (upstream?.origin() == base.origin()).then(|| {
        format!(
            "{KEY} is the address of backend.baseUrl. In front of a portal that address leads here, and then everything \
             that is passed on comes back; set {KEY} to where the Backstage backend itself listens"
        )
    })
}

impl Front {
    /// Puts us in front of `stagedoor.upstream`, if it is set, with these plugins as our own.
    pub(super) fn of(settings: &Settings, own: Vec<&'static str>, env: &PluginEnv) -> Option<Arc<Self>> {
        let scheme = if settings.server.is_https() {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        let upstream = UpstreamSettings {
            origin: settings.upstream.clone()?,
            trust_proxy: settings.edge.trust_proxy().clone(),
            scheme,
            proxies: Proxies::of(&env.config.environment()),
        };
        Some(Arc::new(Self {
            ownership: Ownership::new(own),
            upstream: Upstream::new(upstream, &env.http, env.tasks.clone())?,
        }))
    }

    /// Decides whose the request is, and keeps that with it. The log leaves out the queries of what is not ours: they
    /// are somebody else's and may hold secrets.
    fn decide<B>(&self, request: &mut Request<B>) {
        let owner = self.ownership.of(request.uri().path());
        if owner != Owner::Ours {
            request.extensions_mut().insert(PrivateQuery);
        }
        request.extensions_mut().insert(owner);
    }

    async fn forward(&self, request: Request<Body>) -> Response {
        let visit = Visit::of(&request);
        let refusal = match self.upstream.forward(request).await {
            Ok(mut response) => {
                if response.status().is_server_error() {
                    let cause = FailureCause(BEHIND_US.to_owned());
                    response.extensions_mut().insert(cause);
                }
                return response;
            }
            Err(error) => refuse(error),
        };
        match visit.filter(|_| refusal.status().is_server_error()) {
            Some(visit) => {
                let mut page = visit.page(refusal.status());
                page.extensions_mut().extend(refusal.into_parts().0.extensions);
                page
            }
            None => refusal,
        }
    }
}

/// Decides once whose a request is, logs it, and has it answered.
pub(super) fn service<B>(
    edge: EdgeSettings,
    root: Arc<Root>,
    front: Option<Arc<Front>>,
) -> impl Service<Request<B>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let edge = Arc::new(edge);
    let inner = logged(Arc::clone(&edge), answering(edge, root, front.clone()));
    tower::service_fn(move |mut request: Request<B>| {
        if let Some(front) = &front {
            front.decide(&mut request);
        }
        inner.clone().oneshot(request)
    })
}

/// Answers what is ours with the edge's decoration, and passes everything else on without it.
fn answering(
    edge: Arc<EdgeSettings>,
    root: Arc<Root>,
    front: Option<Arc<Front>>,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let answer = tower::service_fn(move |request: Request<Body>| {
        let root = Arc::clone(&root);
        async move { Ok(root.answer(request).await) }
    });
    let ours = decorated(edge, answer);
    tower::service_fn(move |request: Request<Body>| {
        let (front, ours) = (front.clone(), ours.clone());
        async move {
            match (request.extensions().get::<Owner>(), front) {
                // Nobody is behind us: all is ours.
                (_, None) | (Some(Owner::Ours), _) => ours.oneshot(request).await,
                (Some(Owner::Upstream), Some(front)) => Ok(front.forward(request).await),
                (Some(Owner::Unclear) | None, Some(_)) => Ok(unclear()),
            }
        }
    })
}

fn unclear() -> Response {
    let message =
        "The path holds escaped slashes or dot segments around a path of this service; send it in plain form";
    answer(&BackstageError::input(message))
}

/// What the log says beside the library's words; a person who uses the portal can do nothing with a key of ours.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(
        "stagedoor.upstream cannot be reached; see that the Backstage backend runs there, and check the key"
    )]
    Unreachable(#[source] ProxyError),
    #[error("stagedoor.upstream leads back here; set it to the address of the Backstage backend itself")]
    Circle,
}

fn refuse(error: ProxyError) -> Response {
    let (status, text) = (error.status(), error.to_string());
    let mut response = answer(&match error {
        ProxyError::Unreachable(_) => {
            let message = "The portal's backend cannot be reached at the moment; try again shortly";
            BackstageError::unavailable(status, message).with_cause(Fault::Unreachable(error))
        }
        ProxyError::Interrupted(cause) => {
            let message = "The connection to the portal's backend broke before it answered; what was asked for may have \
                           been done all the same, so look before you try again";
            BackstageError::unavailable(status, message).with_cause(cause)
        }
        ProxyError::Circle => {
            let message = "The portal's backend cannot be reached: what is sent there comes back";
            BackstageError::unavailable(status, message).with_cause(Fault::Circle)
        }
        ProxyError::Slow | ProxyError::Full | ProxyError::Unasked => {
            BackstageError::unavailable(status, text).with_cause(error)
        }
        ProxyError::Target => BackstageError::input(text),
        // The words of npm's http-errors, as for bodies of our own routes.
        ProxyError::CallerBroke => BackstageError::new("BadRequestError", status, text),
        ProxyError::CallerSilent => BackstageError::new("RequestTimeoutError", status, text),
    });
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT) {
        // What is left of the body cannot be told from a next request.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// As the envelope, without the request, whose query is nobody's business here; the cause is for the log.
fn answer(error: &BackstageError) -> Response {
    let body = json!({
        "error": { "name": error.name(), "message": error.message() },
        "response": { "statusCode": error.status().as_u16() },
    });
    let mut response = JsonResponse::from_bytes(error.status(), body.to_string()).into_response();
    if let Some(cause) = error.failure_cause() {
        response.extensions_mut().insert(FailureCause(cause));
    }
    response
}

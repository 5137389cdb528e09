//! In front of a portal: what is ours is answered here, everything else by the backend behind us.

use std::{convert::Infallible, error::Error, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{Request, StatusCode, uri::Scheme};
use serde_json::json;
use tower::{Service, ServiceExt as _};
use url::Url;

use super::settings::Settings;
use crate::{
    backstage::{
        PluginEnv,
        error::BackstageError,
        front::{Owner, Ownership},
        root::Root,
    },
    config::{ConfigError, ConfigReader},
    infra::{
        http_proxy::{ProxyError, Upstream},
        http_server::{FailureCause, JsonResponse, decorated},
    },
};

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

impl Front {
    /// Puts us in front of `stagedoor.upstream`, if it is set, with these plugins as our own. The log then leaves out
    /// the queries of what is passed on: they are somebody else's and may hold secrets.
    pub(super) fn of(settings: &mut Settings, own: Vec<&'static str>, env: &PluginEnv) -> Option<Arc<Self>> {
        let origin = settings.upstream.as_ref()?;
        let scheme = if settings.server.is_https() {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        let callers = (settings.edge.trust_proxy().clone(), scheme);
        let front = Arc::new(Self {
            ownership: Ownership::new(own),
            upstream: Upstream::new(origin, &env.http, callers, env.tasks.clone())?,
        });
        let passing = Arc::clone(&front);
        let edge = settings.edge.clone();
        settings.edge = edge.with_private_queries(move |path| passing.ownership.of(path) != Owner::Ours);
        Some(front)
    }

    async fn forward(&self, request: Request<Body>) -> Response {
        match self.upstream.forward(request).await {
            Ok(response) => response,
            Err(error) => refuse(&error),
        }
    }
}

/// Answers what is ours with the edge's decoration, and passes everything else on without it.
pub(super) fn service(
    settings: &Settings,
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
    let ours = decorated(Arc::new(settings.edge.clone()), answer);
    tower::service_fn(move |request: Request<Body>| {
        let (front, ours) = (front.clone(), ours.clone());
        async move {
            let Some(front) = front else {
                return ours.oneshot(request).await;
            };
            match front.ownership.of(request.uri().path()) {
                Owner::Ours => ours.oneshot(request).await,
                Owner::Upstream => Ok(front.forward(request).await),
                Owner::Unclear => Ok(unclear()),
            }
        }
    })
}

fn unclear() -> Response {
    let message =
        "The path holds escaped slashes or dot segments around a path of this service; send it in plain form";
    answer(&BackstageError::input(message))
}

fn refuse(error: &ProxyError) -> Response {
    let status = error.status();
    let message = match error {
        ProxyError::Unreachable(_) => {
            "The Backstage backend behind this service cannot be reached; see that it runs, and check stagedoor.upstream"
                .to_owned()
        }
        other => other.to_string(),
    };
    let refusal = if status == StatusCode::BAD_REQUEST {
        BackstageError::input(message)
    } else {
        BackstageError::unavailable(status, message)
    };
    let mut response = answer(&refusal);
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if !causes.is_empty() {
        response.extensions_mut().insert(FailureCause(causes.join(": ")));
    }
    response
}

/// As the envelope, without the request, whose query is nobody's business here.
fn answer(error: &BackstageError) -> Response {
    let body = json!({
        "error": { "name": error.name(), "message": error.message() },
        "response": { "statusCode": error.status().as_u16() },
    });
    JsonResponse::from_bytes(error.status(), body.to_string()).into_response()
}

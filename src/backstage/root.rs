//! The top of the path tree: health, the plugins under `/api/<id>`, and an empty 404 for all else.

use std::sync::Arc;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::json;

use super::{
    auth::Authenticator,
    builder::Registration,
    lifecycle::{Lifecycle, Phase},
    mount::PluginMount,
    plugin::Plugin,
};
use crate::infra::{
    http_proxy::PASSED,
    http_server::{FailureCause, HealthHeaders, JsonResponse, Refusal},
};

const LIVENESS: &str = "/.backstage/health/v1/liveness";
const READINESS: &str = "/.backstage/health/v1/readiness";

/// Everything this service answers, behind the HTTP edge.
#[derive(Debug)]
pub struct Root {
    mounts: Vec<Arc<PluginMount>>,
    shared: Shared,
}

/// What all mounts and the health routes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) authenticator: Authenticator,
    /// `backend.auth.dangerouslyDisableDefaultAuthPolicy`.
    pub(crate) default_policy_disabled: bool,
    pub(crate) health_headers: HealthHeaders,
}

impl Root {
    /// Mounts every plugin, still closed.
    pub(crate) fn new(registrations: &[Registration], shared: Shared) -> Self {
        let mount = |registration: &Registration| Arc::new(PluginMount::new(registration, &shared));
        Self {
            mounts: registrations.iter().map(mount).collect(),
            shared,
        }
    }

    /// Puts a started plugin behind its mount; `None` when its section is missing.
    pub(crate) fn start(&self, id: &str, plugin: Option<Plugin>) {
        if let Some(mount) = self.mounts.iter().find(|mount| mount.id == id) {
            mount.start(plugin);
        }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let uri = request.uri().clone();
        if let Some((mount, path)) = self.mount_of(uri.path()) {
            return mount.answer(request, path).await;
        }
        match uri.path() {
            path if is_health(path) => self.health(&request),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// Writes the body of an answer the edge gives itself: in the plugin's shape, or Backstage's.
    pub fn refusal_body(&self, refusal: &Refusal, path: &str) -> Vec<u8> {
        match self.mount_of(path) {
            Some((mount, rest)) => mount.refusal_body(refusal, rest),
            None => refusal.default_body(),
        }
    }

    /// Finds the plugin a path belongs to, and the rest of the path below its mount.
    fn mount_of<'a>(&'a self, path: &'a str) -> Option<(&'a PluginMount, &'a str)> {
        let rest = strip_segment(path, "api")?;
        self.mounts
            .iter()
            .find_map(|mount| Some((mount.as_ref(), strip_segment(rest, mount.id)?)))
    }

    fn health(&self, request: &Request<Body>) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let path = request.uri().path();
        let (status, body) = match self.shared.lifecycle.phase() {
            _ if path.to_ascii_lowercase().contains("liveness") => (StatusCode::OK, json!({"status": "ok"})),
            Phase::Running => (StatusCode::OK, json!({"status": "ok"})),
            Phase::Starting => not_ready("Backend has not started yet"),
            Phase::Leaving | Phase::Stopping => not_ready("Backend is shutting down"),
        };
        let reason = body["message"].as_str().map(str::to_owned);
        let mut response = JsonResponse::from_bytes(status, body.to_string()).into_response();
        if let Some(reason) = reason {
            response.extensions_mut().insert(FailureCause(reason));
        }
        self.shared.health_headers.decorate(response.headers_mut());
        // Another of us wants to know whether it is in front of one.
        if request.headers().contains_key(PASSED) {
            let who = HeaderValue::from_static("stagedoor");
            response.headers_mut().insert(PASSED, who);
        }
        response
    }
}

fn not_ready(message: &str) -> (StatusCode, serde_json::Value) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        json!({"message": message, "status": "error"}),
    )
}

fn is_health(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.eq_ignore_ascii_case(LIVENESS) || path.eq_ignore_ascii_case(READINESS)
}

/// Takes one leading segment off a path, ignoring case and doubled slashes; the rest keeps its slash.
fn strip_segment<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let path = path.strip_prefix('/')?.trim_start_matches('/');
    let head = path.get(..segment.len())?;
    let rest = &path[segment.len()..];
    (head.eq_ignore_ascii_case(segment) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_taken_off_whatever_its_case_and_however_many_slashes_lead() {
        assert_eq!(strip_segment("/api/ske/x", "api"), Some("/ske/x"));
        assert_eq!(strip_segment("//API//ske", "api"), Some("//ske"));
        assert_eq!(strip_segment("/api", "api"), Some(""));
        assert_eq!(strip_segment("/apis/ske", "api"), None);
        assert_eq!(strip_segment("/a", "api"), None);
        assert_eq!(strip_segment("/äpi", "api"), None);
    }
}

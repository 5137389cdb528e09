//! What stands in front of every plugin's routes: the start gate, the barrier, the body rules, the error body.
//!
//! The order is Backstage's (`@backstage/backend-defaults`, httpRouter): key document, lifecycle gate,
//! credentials barrier, the plugin's routes, error formatting.

use std::sync::{Arc, OnceLock};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Request, StatusCode, header};
use tower::ServiceExt;

use super::{
    actions::{self, ActionSettings, Invocation, Registry},
    audit::Origin,
    auth::{self, AuthPolicy, Authenticator, PluginDoor},
    builder::Registration,
    error::{BackstageError, ErrorBody, RequestLine},
    lifecycle::Lifecycle,
    permission::{self, Permission},
    plugin::Plugin,
    root::Shared,
    routes::{Match, Routes, with_path},
    unread::Unread,
};
use crate::config::Live;
use crate::infra::http_server::{Arrival, Count, FailureCause, JsonResponse, RateLimiter, Refusal};

/// One plugin id of ours and what answers under it.
#[derive(Debug)]
pub(super) struct PluginMount {
    pub(super) id: &'static str,
    /// The app-config key whose presence switches the plugin on.
    section: &'static str,
    error_body: ErrorBody,
    lifecycle: Lifecycle,
    authenticator: Authenticator,
    default_policy_disabled: bool,
    rate_limiter: Option<RateLimiter>,
    action_settings: Option<Live<ActionSettings>>,
    /// The routes every plugin has: its keys and the cookie.
    auth_routes: Routes,
    started: OnceLock<Started>,
}

/// What is known of a plugin once it has started.
#[derive(Debug)]
struct Started {
    door: Arc<PluginDoor>,
    /// `None`: the plugin's section is missing.
    routes: Option<PluginRoutes>,
}

/// Everything a started plugin answers behind the barrier.
#[derive(Debug)]
struct PluginRoutes {
    own: Routes,
    /// The list of the plugin's actions and the ways to invoke them.
    actions: Routes,
    /// Which permissions the plugin asks for.
    permissions: Routes,
}

impl PluginRoutes {
    /// The routes that know the path; the plugin's own say of all others that there are none.
    fn of(&self, path: &str) -> &Routes {
        let shared = [&self.actions, &self.permissions];
        shared
            .into_iter()
            .find(|routes| routes.knows(path))
            .unwrap_or(&self.own)
    }
}

impl PluginMount {
    /// Mounts a plugin, still closed.
    pub(super) fn new(registration: &Registration, shared: &Shared) -> Self {
        Self {
            id: registration.id,
            section: registration.section,
            error_body: registration.error_body,
            lifecycle: shared.lifecycle.clone(),
            authenticator: shared.authenticator.clone(),
            default_policy_disabled: shared.default_policy_disabled,
            rate_limiter: registration.rate_limiter.clone(),
            action_settings: registration.action_settings.clone(),
            auth_routes: auth::plugin_auth_routes(Routes::new()),
            started: OnceLock::new(),
        }
    }

    /// Puts a started plugin behind the gate; `None` when its section is missing.
    pub(super) fn start(&self, plugin: Option<Plugin>) {
        let Some(plugin) = plugin else {
            return self.open(Vec::new(), None);
        };
        let shown_by = plugin.actions.visibility_permissions();
        let declared: Vec<Permission> = plugin
            .permissions
            .declared()
            .iter()
            .copied()
            .chain(shown_by)
            .collect();
        let actions = self.action_settings.clone().map(|settings| {
            let registry = Registry::new(self.id, plugin.actions, settings, plugin.permissions);
            actions::routes(registry)
        });
        let routes = PluginRoutes {
            own: plugin.routes,
            actions: actions.unwrap_or_default(),
            permissions: permission::routes(&declared),
        };
        self.open(plugin.auth_policies, Some(routes));
    }

    fn open(&self, policies: Vec<AuthPolicy>, routes: Option<PluginRoutes>) {
        let door = self.door(policies);
        // The builder starts each mount once, so there is never a second value to lose here.
        let _ = self.started.set(Started { door, routes });
    }

    /// Answers a request whose path, relative to the mount, is `path`.
    pub(super) async fn answer(&self, mut request: Request<Body>, path: &str) -> Response {
        let origin = Arc::new(Origin::of(&request));
        request.extensions_mut().insert(origin);
        let path = if path.is_empty() { "/" } else { path };
        let Some(uri) = with_path(request.uri(), path) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        *request.uri_mut() = uri.clone();
        let method = request.method().clone();
        let invocation = Invocation::of(&request);
        let count = self.count(&request);
        let answer = match &count {
            Some(count) if count.is_over() => Err(refused(&Refusal::TOO_MANY_REQUESTS)),
            _ => self.try_answer(request).await,
        };
        let response = answer.unwrap_or_else(IntoResponse::into_response);
        let line = || RequestLine {
            method: method.to_string(),
            url: uri.to_string(),
        };
        let mut response = self.write_error(response, line, invocation);
        if let Some(count) = count {
            count.decorate(response.headers_mut());
            count.answered(&response);
        }
        response
    }

    /// Writes the body of an answer the edge gives itself, in the shape this plugin's callers read.
    pub(super) fn refusal_body(&self, refusal: &Refusal, path: &str) -> Vec<u8> {
        let line = RequestLine {
            method: String::new(),
            url: path.to_owned(),
        };
        let mut body = (self.error_body)(&refused(refusal), &line);
        if let Some(fields) = body.as_object_mut() {
            // The edge answers before it knows the request; Backstage's limiter sends none either.
            fields.shift_remove("request");
        }
        body.to_string().into_bytes()
    }

    fn count(&self, request: &Request<Body>) -> Option<Count> {
        let client = request.extensions().get::<Arrival>()?.client;
        self.rate_limiter.as_ref()?.count(client)
    }

    async fn try_answer(&self, mut request: Request<Body>) -> Result<Response, BackstageError> {
        if auth::is_key_document(request.uri().path()) {
            request.extensions_mut().insert(self.door(Vec::new()));
            return route(&self.auth_routes, request).await;
        }
        self.lifecycle.pass().await?;
        let started = self.started.get().ok_or_else(not_started)?;
        auth::admit(&started.door, &mut request).await?;
        if self.auth_routes.knows(request.uri().path()) {
            return route(&self.auth_routes, request).await;
        }
        let routes = started.routes.as_ref().ok_or_else(|| self.section_missing())?;
        let request = Unread::receive(request).await?;
        route(routes.of(request.uri().path()), request).await
    }

    fn door(&self, policies: Vec<AuthPolicy>) -> Arc<PluginDoor> {
        Arc::new(PluginDoor {
            authenticator: self.authenticator.clone(),
            plugin_id: self.id,
            policies,
            default_policy_disabled: self.default_policy_disabled,
        })
    }

    /// 404 would read as "deleted" on the SKE page, so a plugin that is off answers 501 and says why.
    fn section_missing(&self) -> BackstageError {
        BackstageError::not_implemented(format!(
            "The '{}' plugin is off because app-config has no '{}' section; add one and restart Stagedoor",
            self.id, self.section
        ))
    }

    /// Turns the error a response carries into this plugin's body, and its inside cause into a log field.
    fn write_error(
        &self,
        mut response: Response,
        line: impl FnOnce() -> RequestLine,
        invocation: Option<Invocation>,
    ) -> Response {
        let Some(mut error) = response.extensions_mut().remove::<BackstageError>() else {
            return response;
        };
        if let Some(invocation) = invocation {
            error = invocation.name(error);
        }
        let body = (self.error_body)(&error, &line()).to_string();
        let mut written = JsonResponse::from_bytes(error.status(), body).into_response();
        for (name, value) in error.headers() {
            written.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(cause) = error.failure_cause() {
            written.extensions_mut().insert(FailureCause(cause));
        }
        if let Some((invocation, settings)) = invocation.zip(self.action_settings.as_ref()) {
            invocation.explain(&error, &mut written, &settings.load());
        }
        written
    }
}

/// Asks the routes, with the path in their own spelling.
async fn route(routes: &Routes, mut request: Request<Body>) -> Result<Response, BackstageError> {
    let canonical = match routes.find(request.method(), request.uri().path()) {
        Match::Found(canonical) => canonical,
        Match::Options(methods) => return Ok(allow(&methods)),
        Match::Nothing => return Err(no_route(&request)),
    };
    if canonical != request.uri().path() {
        let uri = with_path(request.uri(), &canonical);
        *request.uri_mut() = uri.ok_or_else(|| no_route(&request))?;
    }
    match routes.router(request.method()).clone().oneshot(request).await {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

fn no_route(request: &Request<Body>) -> BackstageError {
    let (method, path) = (request.method(), request.uri().path());
    BackstageError::not_found(format!("There is no route {method} {path} here"))
}

fn allow(methods: &str) -> Response {
    let mut response = StatusCode::OK.into_response();
    if let Ok(value) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

fn not_started() -> BackstageError {
    BackstageError::unavailable(StatusCode::SERVICE_UNAVAILABLE, "Service has not started up yet")
}

fn refused(refusal: &Refusal) -> BackstageError {
    BackstageError::new("Error", refusal.status, refusal.message)
}

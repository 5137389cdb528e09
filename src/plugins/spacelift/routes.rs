//! `/health`, `/stacks`, `/stacks/{id}/trigger`.

use std::sync::Arc;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};

use super::{
    bodies,
    domain::{InvalidStackId, StackId},
    error::SpaceliftError,
    service::Spacelift,
};
use crate::{
    backstage::{
        auth::{Allow, AuthPolicy, Credentials},
        error::BackstageError,
        permission::{Action, Permission},
        routes::Routes,
    },
    infra::http_server::JsonResponse,
};

/// Health says only that the plugin runs, so anybody may ask.
pub(super) const OPEN: AuthPolicy = AuthPolicy {
    path: "/health",
    allow: Allow::Unauthenticated,
};

/// Needed to see the stacks.
const READ_STACKS: Permission = Permission {
    name: "spacelift.stack.read",
    action: Action::Read,
};

/// Needed to start a run.
const TRIGGER_RUNS: Permission = Permission {
    name: "spacelift.run.trigger",
    action: Action::Update,
};

/// The routes of the Node plugin.
pub(super) fn routes(spacelift: Arc<Spacelift>) -> Routes {
    let (lists, triggers) = (Arc::clone(&spacelift), spacelift);
    Routes::new()
        .get("/health", health)
        .get("/stacks", move |caller, request| {
            list_stacks(Arc::clone(&lists), caller, request)
        })
        .post("/stacks/{id}/trigger", move |caller, uri| {
            trigger_run(Arc::clone(&triggers), caller, uri)
        })
}

async fn health() -> JsonResponse {
    JsonResponse::from_bytes(StatusCode::OK, r#"{"status":"ok"}"#)
}

async fn list_stacks(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    request: Request,
) -> Result<Response, BackstageError> {
    caller.admits(&READ_STACKS)?;
    let stacks = spacelift.list_stacks().await?;
    Ok(stacks.respond(request.method(), request.headers()))
}

async fn trigger_run(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    uri: Uri,
) -> Result<Response, BackstageError> {
    caller.admits(&TRIGGER_RUNS)?;
    let stack = stack_id(uri.path()).map_err(SpaceliftError::from)?;
    let run = spacelift.trigger_run(stack, &caller).await?;
    Ok(bodies::run_started(&run)?.into_response())
}

/// Reads the id from the raw path, since axum forgives broken escapes that Express refuses.
fn stack_id(path: &str) -> Result<StackId, InvalidStackId> {
    // `…/{id}/trigger`: the last part but one.
    let segment = path.split('/').filter(|segment| !segment.is_empty()).nth_back(1);
    StackId::from_segment(segment.unwrap_or_default())
}

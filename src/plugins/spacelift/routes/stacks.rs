//! `/health`, `/stacks`, `/stacks/{id}`, `/stacks/{id}/trigger`.

use std::sync::Arc;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};

use super::super::{
    bodies,
    domain::{InvalidStackId, StackId},
    permissions,
    service::Spacelift,
};
use crate::{
    backstage::{
        auth::{Allow, AuthPolicy, Credentials},
        error::BackstageError,
        routes::Routes,
        unread::Unread,
    },
    infra::http_server::JsonResponse,
};

/// Health says only that the plugin runs, so anybody may ask.
pub(in super::super) const OPEN: AuthPolicy = AuthPolicy {
    path: "/health",
    allow: Allow::Unauthenticated,
};

/// Adds the routes of the Node plugin, and one stack alone.
pub(super) fn add(routes: Routes, spacelift: &Arc<Spacelift>) -> Routes {
    let [lists, looks, triggers] = [(); 3].map(|()| Arc::clone(spacelift));
    routes
        .get("/health", health)
        .get("/stacks", move |caller, request| {
            list_stacks(Arc::clone(&lists), caller, request)
        })
        .get("/stacks/{id}", move |caller, uri| {
            get_stack(Arc::clone(&looks), caller, uri)
        })
        .post("/stacks/{id}/trigger", move |caller, uri, body| {
            trigger_run(Arc::clone(&triggers), caller, uri, body)
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
    let list = spacelift.list_stacks(&caller).await?;
    Ok(list.json.respond(request.method(), request.headers()))
}

async fn get_stack(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    uri: Uri,
) -> Result<JsonResponse, BackstageError> {
    let stack = stack_id(uri.path(), 0)?;
    let stack = spacelift.stack(stack, &caller).await?;
    Ok(bodies::stack(&stack)?)
}

async fn trigger_run(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    uri: Uri,
    body: Unread,
) -> Result<Response, BackstageError> {
    let caller = spacelift.judge(&caller, &permissions::TRIGGER).await?;
    body.ignore(&caller).await?;
    let stack = stack_id(uri.path(), 1)?;
    let run = spacelift.trigger_run(stack, &caller).await?;
    Ok(bodies::run_started(&run)?.into_response())
}

/// Reads a stack's id from the raw path, since axum forgives broken escapes that Express refuses; so many parts follow it.
pub(super) fn stack_id(path: &str, after: usize) -> Result<StackId, InvalidStackId> {
    let segment = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .nth_back(after);
    StackId::from_segment(segment.unwrap_or_default())
}

//! `/stacks/{id}/runs/{run}` and what can be done with the run; the ways that write want a plugin in between.

use std::sync::Arc;

use axum::extract::{Query, rejection::QueryRejection};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        bodies::{RunDetailsBody, RunStateBody, WaitedBody},
        domain::{RunId, StackId, Verdict},
        error::SpaceliftError,
        permissions,
        service::Spacelift,
        wait::Awaited,
        writes::Decision,
    },
    stacks::stack_id,
};
use crate::{
    backstage::{
        auth::Credentials, error::BackstageError, permission::Judged, routes::Routes, unread::Unread,
    },
    infra::http_server::JsonResponse,
};

/// How long to wait, and how a run that ends badly is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WaitQuery {
    timeout_seconds: Option<u16>,
    fail_on_failure: Option<bool>,
}

/// What goes with a decision.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    note: Option<String>,
}

/// Longest note, in characters, as for the actions.
const MAX_NOTE: usize = 1000;

/// Adds the routes about runs.
pub(super) fn add(routes: Routes, spacelift: &Arc<Spacelift>) -> Routes {
    let [looks, waits, confirms, discards] = [(); 4].map(|()| Arc::clone(spacelift));
    routes
        .get("/stacks/{id}/runs/{run}", move |caller, uri| {
            get_run(Arc::clone(&looks), caller, uri)
        })
        .get("/stacks/{id}/runs/{run}/wait", move |caller, uri, query| {
            wait_for_run(Arc::clone(&waits), caller, uri, query)
        })
        .post(
            "/stacks/{id}/runs/{run}/confirm",
            move |caller, uri, headers, body| {
                let given = Given { uri, headers, body };
                decide(Arc::clone(&confirms), Verdict::Confirm, caller, given)
            },
        )
        .post(
            "/stacks/{id}/runs/{run}/discard",
            move |caller, uri, headers, body| {
                let given = Given { uri, headers, body };
                decide(Arc::clone(&discards), Verdict::Discard, caller, given)
            },
        )
}

async fn get_run(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    uri: Uri,
) -> Result<JsonResponse, BackstageError> {
    let (stack, run) = ids(uri.path(), 0)?;
    let found = spacelift.run(&stack, &run, &caller).await?;
    let url = spacelift.run_url(&stack, &found.id);
    written(&RunDetailsBody::new(found, url))
}

async fn wait_for_run(
    spacelift: Arc<Spacelift>,
    caller: Credentials,
    uri: Uri,
    query: Result<Query<WaitQuery>, QueryRejection>,
) -> Result<JsonResponse, BackstageError> {
    let (stack, run) = ids(uri.path(), 1)?;
    let unfit = |_| {
        BackstageError::input(
            "'timeoutSeconds' must be a whole number of seconds, and 'failOnFailure' true or false",
        )
    };
    let Query(query) = query.map_err(unfit)?;
    let awaited = Awaited {
        stack: &stack,
        run: &run,
        seconds: query.timeout_seconds,
        fail_on_failure: query.fail_on_failure.unwrap_or(true),
    };
    let waited = spacelift.wait_for_run(awaited, &caller).await?;
    let url = spacelift.run_url(&stack, &waited.seen.id);
    written(&WaitedBody::new(waited, url))
}

/// What came with a decision.
struct Given {
    uri: Uri,
    headers: HeaderMap,
    body: Unread,
}

async fn decide(
    spacelift: Arc<Spacelift>,
    verdict: Verdict,
    caller: Credentials,
    given: Given,
) -> Result<JsonResponse, BackstageError> {
    let needs = match verdict {
        Verdict::Confirm => &permissions::CONFIRM,
        Verdict::Discard => &permissions::DISCARD,
    };
    let caller = spacelift.judge(&caller, needs).await?;
    let (stack, run) = ids(given.uri.path(), 1)?;
    let decision = Decision {
        stack: stack.clone(),
        run,
        verdict,
        note: given.note(&caller).await?,
    };
    let run = spacelift.decide(decision, &caller).await?;
    let url = spacelift.run_url(&stack, &run.id);
    written(&RunStateBody::new(run, url))
}

impl Given {
    /// Reads the optional body.
    async fn note(self, caller: &Judged) -> Result<Option<String>, BackstageError> {
        if self.body.is_empty() {
            return if self.has_lost_its_body() {
                Err(not_json())
            } else {
                Ok(None)
            };
        }
        let unfit = || {
            BackstageError::input(format!(
                "The body may hold a 'note' of up to {MAX_NOTE} characters, and nothing else"
            ))
        };
        let body = self.body.json(caller).await?.unwrap_or_default();
        let body: DecisionBody = serde_json::from_value(body).map_err(|_| unfit())?;
        match body.note {
            Some(note) if note.chars().count() > MAX_NOTE => Err(unfit()),
            note => Ok(note),
        }
    }

    /// Whether there was a body of another type than JSON, which is read past before it comes here. A decision must not
    /// be taken without the note that somebody wrote for it.
    fn has_lost_its_body(&self) -> bool {
        let is_empty = |length: &HeaderValue| length.as_bytes() == b"0";
        let length = self.headers.get(CONTENT_LENGTH);
        let came =
            length.is_some_and(|length| !is_empty(length)) || self.headers.contains_key(TRANSFER_ENCODING);
        let kind = self.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        came && !kind
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("application/json")
    }
}

fn not_json() -> BackstageError {
    let message = "Send the note as JSON, with 'Content-Type: application/json'; nothing was decided";
    BackstageError::new("InputError", StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
}

/// Reads both ids from the raw path; so many parts follow that of the run.
fn ids(path: &str, after: usize) -> Result<(StackId, RunId), SpaceliftError> {
    // `stacks/{id}/runs/{run}/…`
    let stack = stack_id(path, after + 2)?;
    let run = path.split('/').filter(|part| !part.is_empty()).nth_back(after);
    Ok((stack, RunId::new(run.unwrap_or_default())?))
}

fn written<T: Serialize>(body: &T) -> Result<JsonResponse, BackstageError> {
    let written = JsonResponse::new(StatusCode::OK, body);
    Ok(written.map_err(|_| SpaceliftError::Abandoned)?)
}

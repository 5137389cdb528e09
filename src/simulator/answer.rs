//! From an HTTP request to an HTTP answer, faults included.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    api::{GraphQlRequest, Prepared},
    counters::RecordedRequest,
    faults::Fault,
    resolvers::{MutationRoot, QueryRoot},
    server::Shared,
    world::Origin,
};

/// Documents of clients are a few kilobytes; a larger body is a mistake.
const MAX_BODY: usize = 1024 * 1024;

/// Free text that clients attach to a run, named in Spacelift's documentation.
const RUN_METADATA: &str = "spacelift-user-provided-run-metadata";

/// A body that may break off.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers one request; an error closes the connection without an answer.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let _counted = InFlight::begin(&shared);
    if request.uri().path() != "/graphql" {
        return Ok(plain(StatusCode::NOT_FOUND, "not found"));
    }
    if request.method() != Method::POST {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "only POST"));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "body too large"));
    };
    // A body that is no JSON object is answered in plain text by the server library Spacelift publishes.
    let Ok(request) = serde_json::from_slice::<GraphQlRequest>(&body.to_bytes()) else {
        shared.recorder.lock().refused();
        return Ok(plain(
            StatusCode::BAD_REQUEST,
            "the body is not a GraphQL request",
        ));
    };
    let prepared = match shared.api.prepare(request) {
        Ok(prepared) => prepared,
        Err(refusal) => {
            shared.recorder.lock().refused();
            return Ok(json_answer(&refusal));
        }
    };
    record(&shared, &prepared, &parts.headers);
    let fault = shared.faults.lock().take(&prepared.fields);
    let latency = *shared.latency.lock();
    pause(latency).await;
    match fault {
        None => Ok(json_answer(&execute(&shared, &prepared, &parts.headers))),
        Some(fault) => answer_badly(&shared, &prepared, &parts.headers, fault).await,
    }
}

fn record(shared: &Shared, prepared: &Prepared, headers: &HeaderMap) {
    shared.recorder.lock().operation(RecordedRequest {
        operation: prepared.operation().map(str::to_owned),
        fields: prepared.fields.clone(),
        variables: prepared.variables_without_secrets(),
        headers: headers.clone(),
    });
}

fn execute(shared: &Shared, prepared: &Prepared, headers: &HeaderMap) -> Value {
    let world = &shared.world;
    let session = has_session(shared, headers);
    if !prepared.is_mutation() {
        return prepared.execute(&QueryRoot { world, session });
    }
    let metadata = headers.get(RUN_METADATA).and_then(|value| value.to_str().ok());
    prepared.execute(&MutationRoot {
        world,
        session,
        origin: Origin {
            metadata: metadata.map(str::to_owned),
        },
    })
}

fn has_session(shared: &Shared, headers: &HeaderMap) -> bool {
    let header = headers.get(header::AUTHORIZATION);
    let token = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let world = shared.world.lock();
    token.is_some_and(|token| world.sessions.is_valid(token, world.now))
}

async fn answer_badly(
    shared: &Shared,
    prepared: &Prepared,
    headers: &HeaderMap,
    fault: Fault,
) -> io::Result<Response<Body>> {
    let right = if fault.executes() {
        execute(shared, prepared, headers)
    } else {
        Value::Null
    };
    match fault {
        Fault::Body {
            status,
            content_type,
            body,
        } => Ok(with_body(status, content_type, body)),
        Fault::RateLimited { retry_after } => Ok(rate_limited(retry_after)),
        Fault::GraphQlError { message, extensions } => Ok(json_answer(&failed_fields(
            &prepared.fields,
            &message,
            extensions,
        ))),
        Fault::PartialData { message } => Ok(json_answer(&with_error(right, &message))),
        Fault::CutJson => Ok(with_body(200, "application/json", first_half(&right))),
        Fault::CloseMidBody => Ok(broken_off(first_half(&right))),
        Fault::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Fault::Hang => std::future::pending().await,
        Fault::Delay(duration) => {
            pause(duration).await;
            Ok(json_answer(&right))
        }
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

fn failed_fields(fields: &[String], message: &str, extensions: Option<Value>) -> Value {
    let data: serde_json::Map<String, Value> =
        fields.iter().map(|field| (field.clone(), Value::Null)).collect();
    let mut error = json!({"message": message, "path": fields.first()});
    if let (Some(extensions), Some(error)) = (extensions, error.as_object_mut()) {
        error.insert("extensions".to_owned(), extensions);
    }
    json!({"errors": [error], "data": data})
}

fn with_error(mut answer: Value, message: &str) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("errors".to_owned(), json!([{"message": message}]));
    }
    answer
}

/// The content type is that of the library's oddity: the status is written before it.
fn rate_limited(retry_after: Option<String>) -> Response<Body> {
    let body = json!({"errors": [{"message": "rate limit exceeded"}], "-": 429});
    let mut response = with_body(429, "text/plain; charset=utf-8", body.to_string());
    let value = retry_after.and_then(|value| http::HeaderValue::from_str(&value).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn first_half(answer: &Value) -> String {
    let text = answer.to_string();
    text.chars().take(text.chars().count() / 2).collect()
}

fn broken_off(beginning: String) -> Response<Body> {
    let sent = stream::iter([Ok(Frame::data(Bytes::from(beginning)))]);
    // Yielding lets the connection flush the beginning before it learns that there is no end.
    let broken = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    let mut response = Response::new(StreamBody::new(sent.chain(broken)).boxed_unsync());
    set_content_type(&mut response, "application/json");
    response
}

fn json_answer(answer: &Value) -> Response<Body> {
    with_body(200, "application/json", answer.to_string())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    with_body(status.as_u16(), "text/plain; charset=utf-8", text.to_owned())
}

fn with_body(status: u16, content_type: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set_content_type(&mut response, content_type);
    response
}

fn set_content_type(response: &mut Response<Body>, content_type: &'static str) {
    let value = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
}

/// Counts a request for as long as it is being answered, also when the client goes away.
struct InFlight<'a> {
    shared: &'a Shared,
}

impl<'a> InFlight<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.recorder.lock().request_begins();
        Self { shared }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.shared.recorder.lock().request_ends();
    }
}

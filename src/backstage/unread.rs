//! What a caller sent, until it is known that the caller may do what is asked for.

use std::convert::Infallible;

use axum::{
    body::{Body, to_bytes},
    extract::FromRequestParts,
};
use bytes::Bytes;
use http::{Method, Request, request::Parts};
use serde_json::{Map, Value};

use super::{error::BackstageError, permission::Judged};
use crate::infra::{
    http_server::{
        body::{self, BodyError},
        json_body,
    },
    parsing::parsed,
};

/// A body this short is parsed where it is asked for, which takes less time than to hand it over.
const SHORT: usize = 4 << 10;

/// A body that arrived whole. It can be read for a judged caller alone, so that no route reads first and judges later.
#[derive(Debug, Clone, Default)]
pub struct Unread(Bytes);

impl Unread {
    /// Takes the body out of a request; handlers find it by this type, and no other body.
    ///
    /// # Errors
    /// What did not arrive, or is none that can be read.
    pub(super) async fn receive(request: Request<Body>) -> Result<Request<Body>, BackstageError> {
        let request = body::receive(request).await.map_err(unusable)?;
        let (mut parts, body) = request.into_parts();
        let bytes = to_bytes(body, body::BODY_LIMIT).await.unwrap_or_default();
        if !matches!(parts.method, Method::POST | Method::DELETE) {
            // No handler asks for it.
            json_body::check(&bytes).map_err(unusable)?;
        }
        parts.extensions.insert(Self(bytes));
        Ok(Request::from_parts(parts, Body::empty()))
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks what nothing is made of: what is no JSON is refused everywhere.
    ///
    /// # Errors
    /// It is no JSON.
    pub async fn ignore(self, _: &Judged) -> Result<(), BackstageError> {
        self.with(json_body::check).await
    }

    /// Reads it; nothing sent is nothing.
    ///
    /// # Errors
    /// It is no JSON, or more than is read.
    pub async fn json(self, _: &Judged) -> Result<Option<Value>, BackstageError> {
        self.with(json_body::parse).await
    }

    /// Reads an object's fields; nothing sent has none.
    ///
    /// # Errors
    /// As `json`, and it is no object.
    pub async fn fields(self, judged: &Judged) -> Result<Map<String, Value>, BackstageError> {
        match self.json(judged).await? {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(BackstageError::input("The body must be a JSON object")),
        }
    }

    async fn with<T: Send + 'static>(
        self,
        read: fn(&[u8]) -> Result<T, BodyError>,
    ) -> Result<T, BackstageError> {
        let read = match self.0.len() {
            0..=SHORT => read(&self.0),
            _ => parsed(move || read(&self.0)).await,
        };
        read.map_err(unusable)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Unread {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

fn unusable(problem: BodyError) -> BackstageError {
    let name = problem.name();
    let mut error = BackstageError::new(name, problem.status(), problem.to_string());
    if problem.status().is_server_error() {
        error = error.with_cause(problem.clone());
    }
    problem
        .fields()
        .into_iter()
        .fold(error, |error, (key, value)| error.with_field(&key, value))
}

//! Failures as the caller sees them: Backstage's error names and statuses, the outside message and the inside cause.
//!
//! A handler returns `BackstageError`; the mount of its plugin turns it into that plugin's body
//! (`ErrorBody`), and the request's one log line carries the inside cause. Nothing else logs it.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

/// A failure with an outside message for the caller and an inside cause for the log.
///
/// Names and statuses are those of `@backstage/errors`.
#[derive(Debug, Clone)]
pub struct BackstageError {
    name: Cow<'static, str>,
    status: StatusCode,
    message: String,
    /// What the log says instead, where the message is for the caller alone.
    logged: Option<Box<str>>,
    fields: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// The request as an error body names it.
#[derive(Debug, Clone)]
pub struct RequestLine {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, relative to the plugin's mount: `/thing?q=1`.
    pub url: String,
}

/// Writes one plugin's error body.
pub type ErrorBody = fn(&BackstageError, &RequestLine) -> Value;

impl BackstageError {
    /// A failure with a name and status of the caller's choice.
    pub fn new(name: impl Into<Cow<'static, str>>, status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            status,
            message: message.into(),
            logged: None,
            fields: Map::new(),
            headers: Vec::new(),
            cause: None,
        }
    }

    /// 400: what was sent cannot be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("InputError", StatusCode::BAD_REQUEST, message)
    }

    /// 401: the Backstage credentials of this request were not accepted. Nothing else may be a 401.
    pub fn authentication(message: impl Into<String>) -> Self {
        Self::new("AuthenticationError", StatusCode::UNAUTHORIZED, message)
    }

    /// 403: the caller is known and may not do this.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::new("NotAllowedError", StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("NotFoundError", StatusCode::NOT_FOUND, message)
    }

    /// 409: the thing is in a state that forbids this.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictError", StatusCode::CONFLICT, message)
    }

    /// 501: not configured or not offered here.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new("NotImplementedError", StatusCode::NOT_IMPLEMENTED, message)
    }

    /// 429, 502, 503 or 504: `ServiceUnavailableError` with that status.
    pub fn unavailable(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new("ServiceUnavailableError", status, message)
    }

    /// Adds a field to the error object of the body.
    #[must_use]
    pub fn with_field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Adds a response header, such as `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Leaves the outside message to the caller alone; log and audit get this instead.
    #[must_use]
    pub fn logged_as(mut self, text: impl Into<Box<str>>) -> Self {
        self.logged = Some(text.into());
        self
    }

    /// Keeps the inside cause for the log line; it never reaches the caller.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The same with another outside message.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Returns the error's name, such as `InputError`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the outside message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the message as log and audit may have it.
    pub fn logged(&self) -> &str {
        self.logged.as_deref().unwrap_or(&self.message)
    }

    /// Returns the additional outside fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Returns the additional response headers.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Returns the chain of inside causes as one line, or `None` when there is none.
    pub fn cause_chain(&self) -> Option<String> {
        let mut next: Option<&dyn Error> = match &self.cause {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        };
        let mut parts = Vec::new();
        while let Some(error) = next {
            parts.push(error.to_string());
            next = error.source();
        }
        (!parts.is_empty()).then(|| parts.join(": "))
    }
}

impl BackstageError {
    /// What the log line of the answer says of the failure: the chain of causes; where there is none and the fault is not
    /// the caller's, the message.
    pub fn failure_cause(&self) -> Option<String> {
        let message = || self.status.is_server_error().then(|| self.logged().to_owned());
        self.cause_chain().or_else(message)
    }
}

impl fmt::Display for BackstageError {
    /// The outside message.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl IntoResponse for BackstageError {
    /// Carries the error in the response's extensions; the plugin's mount writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Backstage's own envelope: `{"error":{…},"request":{…},"response":{…}}` (`@backstage/errors`).
pub fn envelope(error: &BackstageError, request: &RequestLine) -> Value {
    let mut inner = Map::new();
    inner.insert("name".into(), error.name().into());
    inner.insert("message".into(), error.message().into());
    inner.extend(error.fields().clone());
    json!({
        "error": inner,
        "request": { "method": request.method, "url": request.url },
        "response": { "statusCode": error.status().as_u16() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_is_not_the_callers_always_has_a_cause() {
        let down = || BackstageError::unavailable(StatusCode::BAD_GATEWAY, "it is down");
        assert_eq!(down().failure_cause().as_deref(), Some("it is down"));
        assert_eq!(
            down().logged_as("masked").failure_cause().as_deref(),
            Some("masked")
        );
        let caused = down().with_cause(std::io::Error::other("reset"));
        assert_eq!(caused.failure_cause().as_deref(), Some("reset"));
        assert_eq!(BackstageError::input("bad").failure_cause(), None);
    }
}

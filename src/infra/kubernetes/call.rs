//! One request and its answer.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT, WARNING},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::{client::Body, core::Status};
use serde_json::Value;

use super::error::{ApiRefusal, Cause, KubernetesError};
use crate::infra::http_client::{WireFailure, classify};

/// Largest answer we take: etcd holds objects of 1.5 MB, and a discovery document of a large cluster is smaller.
const MAX_ANSWER: usize = 8 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What we say of ourselves.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("stagedoor/", env!("CARGO_PKG_VERSION")));

/// A request, still without the identity.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query, with every part escaped.
    pub(super) path: String,
    pub(super) body: Option<Vec<u8>>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
        }
    }

    pub(super) fn with_body(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self {
            method,
            path: path.into(),
            body: Some(body.to_string().into_bytes()),
        }
    }

    /// Builds the request to the server at `base`, with the headers of the identity.
    pub(super) fn request(&self, base: &str, mut headers: HeaderMap) -> Option<Request<Body>> {
        headers.insert(ACCEPT, JSON);
        headers.insert(USER_AGENT, AGENT);
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let body = self.body.clone().map_or_else(Body::empty, Body::from);
        let uri = format!("{base}{}", self.path);
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(uri)
            .body(body)
            .ok()?;
        request.headers_mut().extend(headers);
        Some(request)
    }
}

/// What an API server answered to a call that succeeded.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JSON it sent.
    pub body: Value,
    /// Its `Warning` headers' texts: deprecations, fields it dropped.
    pub warnings: Vec<String>,
}

/// Reads the whole answer; a status of 400 and above becomes an error.
pub(super) async fn read(response: Response<Body>) -> Result<Answer, KubernetesError> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER)
        .collect()
        .await
        .map_err(broken)?
        .to_bytes();
    let malformed = KubernetesError::Malformed {
        status: parts.status.as_u16(),
    };
    if parts.status == StatusCode::UNAUTHORIZED {
        return Err(KubernetesError::Unauthenticated);
    }
    if !parts.status.is_success() {
        return Err(refusal(parts.status, &body)
            .map_or(malformed, |refusal| KubernetesError::Refused(refusal.into())));
    }
    let body = serde_json::from_slice(&body).map_err(|_| malformed)?;
    let warnings = warnings(&parts.headers);
    Ok(Answer { body, warnings })
}

/// The path is served by nobody: the text an API server sends then is no Status.
pub(super) fn is_unknown_path(error: &KubernetesError) -> bool {
    matches!(error, KubernetesError::Malformed { status: 404 })
}

fn refusal(code: StatusCode, body: &Bytes) -> Option<ApiRefusal> {
    let fields: Value = serde_json::from_slice(body).ok()?;
    if fields["kind"] != "Status" {
        return None;
    }
    let status: Status = serde_json::from_value(fields).ok()?;
    Some(ApiRefusal::new(code.as_u16(), status))
}

fn broken(error: tower::BoxError) -> KubernetesError {
    if error.is::<LengthLimitError>() {
        return KubernetesError::TooLarge(MAX_ANSWER);
    }
    failed(error)
}

/// Names a failure below HTTP. The address is taken out, since it comes from the configuration.
pub(super) fn failed(error: tower::BoxError) -> KubernetesError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => {
            let failure = classify(&error);
            let cause = Cause::new(error.without_url());
            match failure {
                WireFailure::Untrusted => KubernetesError::Untrusted(cause),
                WireFailure::TlsRefused => KubernetesError::TlsRefused(cause),
                WireFailure::Unreachable => KubernetesError::Unreachable(cause),
                WireFailure::Interrupted => KubernetesError::Interrupted(cause),
            }
        }
        Err(other) => KubernetesError::Interrupted(Cause::new(std::io::Error::other(other))),
    }
}

/// The texts of `Warning: 299 - "text"` (RFC 7234, 5.5).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers
        .get_all(WARNING)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .filter_map(|text| text.strip_prefix("299 - \"")?.strip_suffix('"'))
        .map(|text| text.replace("\\\"", "\"").replace("\\\\", "\\"))
        .collect()
}

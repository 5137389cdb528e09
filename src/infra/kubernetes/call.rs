//! One request and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, WARNING},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::{
    client::{AuthError, Body},
    core::Status,
};
use serde_json::Value;

use super::error::{ApiRefusal, Cause, KubernetesError};
use crate::infra::http_client::{WireFailure, certificate_flaw, classify};

/// Largest answer we take: etcd holds objects of 1.5 MB, and a discovery document of a large cluster is smaller.
const MAX_ANSWER: usize = 8 << 20;

/// What an API server says of a path nobody serves; it is no `Status`. Any other 404 text is somebody else's.
const UNKNOWN_PATH: &[u8] = b"404 page not found";

/// What stands in the place of a credential that a server repeats.
const REDACTED: &str = "[redacted]";

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

/// What was sent as a credential, which no answer may repeat: the header itself, whose bytes are shared.
pub(super) struct Shown(Option<HeaderValue>);

impl Shown {
    /// Finds it among the headers of a call.
    pub(super) fn by(headers: &HeaderMap) -> Self {
        Self(headers.get(AUTHORIZATION).cloned())
    }

    fn token(&self) -> Option<&str> {
        let bearer = self.0.as_ref()?.to_str().ok()?.strip_prefix("Bearer ");
        bearer.filter(|token| !token.is_empty())
    }

    fn hidden_in(&self, body: Bytes) -> Bytes {
        match self.token() {
            Some(token) if contains(&body, token.as_bytes()) => {
                let text = String::from_utf8_lossy(&body);
                text.replace(token, REDACTED).into()
            }
            _ => body,
        }
    }
}

fn contains(body: &[u8], token: &[u8]) -> bool {
    body.windows(token.len()).any(|window| window == token)
}

/// Reads the whole answer; a status of 400 and above becomes an error.
pub(super) async fn read(response: Response<Body>, shown: &Shown) -> Result<Answer, KubernetesError> {
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
    if parts.status == StatusCode::NOT_FOUND && body.trim_ascii() == UNKNOWN_PATH {
        return Err(KubernetesError::NotServed);
    }
    if !parts.status.is_success() {
        let refusal = refusal(parts.status, &shown.hidden_in(body));
        if refusal.as_ref().is_some_and(ApiRefusal::is_about_no_object) {
            return Err(KubernetesError::NotServed);
        }
        return Err(refusal.map_or(malformed, |refusal| {
            KubernetesError::Refused(refusal.with_retry_after(retry_after(&parts.headers)).into())
        }));
    }
    let body = serde_json::from_slice(&body).map_err(|_| malformed)?;
    let warnings = warnings(&parts.headers);
    Ok(Answer { body, warnings })
}

fn refusal(code: StatusCode, body: &Bytes) -> Option<ApiRefusal> {
    let status = serde_json::from_slice(body)
        .ok()
        .filter(|fields: &Value| fields["kind"] == "Status")
        .and_then(|fields| serde_json::from_value::<Status>(fields).ok());
    match status {
        Some(status) => Some(ApiRefusal::new(code.as_u16(), status)),
        None if code == StatusCode::TOO_MANY_REQUESTS => Some(ApiRefusal::too_many()),
        None => None,
    }
}

/// The header in seconds, as API servers write it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
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
            let (failure, flaw) = (classify(&error), certificate_flaw(&error));
            let cause = Cause::new(error.without_url());
            match failure {
                WireFailure::Untrusted => KubernetesError::Untrusted(flaw, cause),
                WireFailure::TlsRefused => KubernetesError::TlsRefused(cause),
                WireFailure::Unreachable => KubernetesError::Unreachable(cause),
                WireFailure::Interrupted => KubernetesError::Interrupted(cause),
            }
        }
        // A kubeconfig's helper failed; its words hold its arguments, environment and output.
        Err(other) if other.is::<AuthError>() => {
            let what = "the helper or token of the kubeconfig failed";
            KubernetesError::AccountUnreadable(Cause::new(std::io::Error::other(what)))
        }
        Err(other) => KubernetesError::Interrupted(Cause::new(std::io::Error::other(other))),
    }
}

/// The texts of `Warning: 299 - "text"` (RFC 7234, 5.5).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers
        .get_all(WARNING)
        .into_iter()
        // Kubernetes sends UTF-8 here.
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts
        .filter_map(|text| text.strip_prefix("299 - \"")?.strip_suffix('"'))
        .map(|text| text.replace("\\\"", "\"").replace("\\\\", "\\"))
        .collect()
}

//! Request bodies as Express's JSON parser takes them: JSON only, at most 100 kB, within the time limit.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::arrival::Arrival;

/// Bound of a body: the JSON parser's own default of 100 kB.
pub const BODY_LIMIT: usize = 102_400;

/// Bytes of all bodies that have begun to arrive and are not complete.
const UNFINISHED_LIMIT: usize = 16 * 1024 * 1024;

/// What is left of that.
static UNFINISHED: Semaphore = Semaphore::const_new(UNFINISHED_LIMIT);

/// Why a body was not taken. Shows as the message for the caller, which never repeats the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is not JSON, or neither an object nor a list.
    #[error("{0}")]
    Syntax(String),
    /// It is longer than `BODY_LIMIT`.
    #[error("request entity too large")]
    TooLarge {
        /// The length announced, if one was.
        expected: Option<u64>,
        /// Bytes seen until it was clear.
        received: u64,
    },
    /// There are too many unfinished bodies.
    #[error("too many request bodies are arriving at once; try again shortly")]
    NoRoom,
    /// The text is not UTF-8.
    #[error("unsupported charset \"{}\"", .0.to_uppercase())]
    Charset(String),
    /// The body is compressed.
    #[error("unsupported content encoding \"{0}\"")]
    Encoding(String),
    /// It did not arrive within `backend.server.requestTimeout`.
    #[error("request timeout")]
    TooSlow,
    /// The caller stopped in the middle.
    #[error("request aborted")]
    Aborted,
}

impl BodyError {
    /// Returns the status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            BodyError::Syntax(_) | BodyError::Aborted => StatusCode::BAD_REQUEST,
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Charset(_) | BodyError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the name npm `http-errors` gives this failure.
    pub fn name(&self) -> &'static str {
        match self {
            BodyError::Syntax(_) => "SyntaxError",
            BodyError::Aborted => "BadRequestError",
            BodyError::TooLarge { .. } => "PayloadTooLargeError",
            BodyError::Charset(_) | BodyError::Encoding(_) => "UnsupportedMediaTypeError",
            BodyError::TooSlow => "RequestTimeoutError",
            BodyError::NoRoom => "ServiceUnavailableError",
        }
    }

    /// Returns the further fields of the error object, as body-parser has them (without the body itself).
    pub fn fields(&self) -> Map<String, Value> {
        let fields = match self {
            BodyError::Syntax(_) => {
                json!({"expose": true, "statusCode": 400, "status": 400, "type": "entity.parse.failed"})
            }
            BodyError::TooLarge {
                expected: Some(length),
                ..
            } => {
                json!({"expected": length, "length": length, "limit": BODY_LIMIT, "type": "entity.too.large"})
            }
            BodyError::TooLarge {
                expected: None,
                received,
            } => {
                json!({"limit": BODY_LIMIT, "received": received, "type": "entity.too.large"})
            }
            BodyError::Charset(charset) => json!({"charset": charset, "type": "charset.unsupported"}),
            BodyError::Encoding(encoding) => json!({"encoding": encoding, "type": "encoding.unsupported"}),
            BodyError::TooSlow | BodyError::NoRoom => json!({}),
            BodyError::Aborted => json!({"code": "ECONNABORTED", "type": "request.aborted"}),
        };
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// Takes a request's body: afterwards it is in memory and complete, or empty, and nothing of it is parsed.
///
/// For every method, after the caller is known. A body without a JSON content type is read past and ignored.
pub async fn receive(request: Request<Body>) -> Result<Request<Body>, BodyError> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let deadline = parts
        .extensions
        .get::<Arrival>()
        .and_then(|arrival| arrival.receive_by);
    let body = if has_json_type(&parts.headers) {
        check_headers(&parts.headers)?;
        Body::from(read(body, deadline, BODY_LIMIT).await?)
    } else {
        read_past(body, deadline).await?;
        Body::empty()
    };
    Ok(Request::from_parts(parts, body))
}

/// Whether the content type says that the body is JSON.
pub fn has_json_type(headers: &HeaderMap) -> bool {
    content_type(headers)
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn check_headers(headers: &HeaderMap) -> Result<(), BodyError> {
    if let Some(charset) = charset(content_type(headers)).filter(|charset| charset != "utf-8") {
        return Err(BodyError::Charset(charset));
    }
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"));
    match encoding {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            return Err(BodyError::Encoding(encoding.to_ascii_lowercase()));
        }
        _ => {}
    }
    match announced_length(headers) {
        Some(length) if length > BODY_LIMIT as u64 => Err(BodyError::TooLarge {
            expected: Some(length),
            received: 0,
        }),
        _ => Ok(()),
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    })
}

async fn read(mut body: Body, deadline: Option<Instant>, limit: usize) -> Result<Bytes, BodyError> {
    let mut read = BytesMut::new();
    let mut held = Vec::new();
    while let Some(data) = next(&mut body, deadline).await? {
        if read.len() + data.len() > limit {
            return Err(BodyError::TooLarge {
                expected: None,
                received: (read.len() + data.len()) as u64,
            });
        }
        // The whole of a small body usually comes at once.
        if read.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        held.push(UNFINISHED.try_acquire_many(size).map_err(|_| BodyError::NoRoom)?);
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// Reads at most as much as a body may have, so that the connection can be used again; a longer one costs it.
async fn read_past(mut body: Body, deadline: Option<Instant>) -> Result<(), BodyError> {
    let mut passed = 0;
    while passed <= BODY_LIMIT
        && let Some(data) = next(&mut body, deadline).await?
    {
        passed += data.len();
    }
    Ok(())
}

async fn next(body: &mut Body, deadline: Option<Instant>) -> Result<Option<Bytes>, BodyError> {
    let frame = match deadline {
        Some(deadline) => timeout_at(deadline, body.frame())
            .await
            .map_err(|_| BodyError::TooSlow)?,
        None => body.frame().await,
    };
    match frame {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(BodyError::Aborted),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn received(headers: &[(&str, &str)], body: impl Into<Body>) -> Result<Bytes, BodyError> {
        let mut request = Request::new(body.into());
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let request = receive(request).await?;
        Ok(to_bytes(request.into_body(), usize::MAX).await.unwrap())
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=UTF-8");

    #[tokio::test]
    async fn json_passes_and_other_bodies_are_ignored() {
        assert_eq!(received(&[JSON], r#" {"a":1}"#).await.unwrap(), r#" {"a":1}"#);
        assert_eq!(received(&[JSON], "").await.unwrap(), "");
        assert_eq!(
            received(&[("content-type", "text/plain")], r#"{"a":"#)
                .await
                .unwrap(),
            ""
        );
        assert_eq!(received(&[], "x".repeat(3 * BODY_LIMIT)).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_with_its_numbers() {
        let fits = format!("[\"{}\"]", "x".repeat(BODY_LIMIT - 4));
        assert!(received(&[JSON], fits.clone()).await.is_ok());
        let announced = received(&[JSON, ("content-length", "102408")], "[")
            .await
            .unwrap_err();
        assert_eq!(
            Value::Object(announced.fields()),
            json!({"expected": 102_408, "length": 102_408, "limit": 102_400, "type": "entity.too.large"})
        );
        let chunked = received(&[JSON], format!("{fits}      ")).await.unwrap_err();
        assert_eq!(chunked.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(chunked.fields()["limit"], BODY_LIMIT);
    }

    #[tokio::test]
    async fn other_charsets_and_encodings_are_refused() {
        let charset = received(&[("content-type", "application/json; charset=latin9")], "{}")
            .await
            .unwrap_err();
        assert_eq!(charset.to_string(), "unsupported charset \"LATIN9\"");
        assert_eq!(
            Value::Object(charset.fields()),
            json!({"charset": "latin9", "type": "charset.unsupported"})
        );
        let encoding = received(&[JSON, ("content-encoding", "zzz")], "{}")
            .await
            .unwrap_err();
        assert_eq!(encoding.to_string(), "unsupported content encoding \"zzz\"");
        assert_eq!(encoding.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

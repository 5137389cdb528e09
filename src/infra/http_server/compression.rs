//! Compresses answers that nobody prepared, by the rules of Node's `compression` middleware.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use axum::{body::Body, response::Response};
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body as _;
use tower::ServiceExt as _;
use tower_http::{
    CompressionLevel,
    compression::{Compression, CompressionBody, predicate::Predicate},
};

use super::{
    encoding::{COMPRESSION_FLOOR, Encoding},
    vary,
};

/// Brotli's quality for answers compressed as they are sent; Node's middleware uses the same.
const BROTLI_QUALITY: i32 = 4;

/// Adds `Vary` to every compressible answer and compresses the long ones when the caller accepts it.
///
/// What is encoded already, such as a prepared body, passes untouched.
pub(super) async fn compress(accepted: Encoding, mut response: Response) -> Response {
    if !is_compressible(response.headers()) {
        return response;
    }
    vary::add_encoding(response.headers_mut());
    let is_candidate = !response.headers().contains_key(header::CONTENT_ENCODING)
        && !response.headers().contains_key(header::CONTENT_RANGE)
        && response.status() != StatusCode::NO_CONTENT
        && is_long(&response)
        && allows_transforming(response.headers());
    if !is_candidate {
        return response;
    }
    encoded(accepted, response).await
}

/// An unknown length counts as long.
fn is_long(response: &Response) -> bool {
    response
        .body()
        .size_hint()
        .exact()
        .is_none_or(|length| length >= COMPRESSION_FLOOR as u64)
}

/// RFC 9111 §5.2.2.6.
fn allows_transforming(headers: &HeaderMap) -> bool {
    !headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .any(|line| String::from_utf8_lossy(line.as_bytes()).contains("no-transform"))
}

/// The types of npm `compressible` that a backend sends; event streams are left alone because they must not be
/// held back until a block is full.
fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence == "application/json" {
        return true;
    }
    let essence = essence.to_ascii_lowercase();
    (essence.starts_with("text/") && essence != "text/event-stream")
        || [
            "+json",
            "+xml",
            "+text",
            "/json",
            "/javascript",
            "/xml",
            "/x-ndjson",
            "/wasm",
        ]
        .iter()
        .any(|ending| essence.ends_with(ending))
}

/// The streaming encoders of tower-http, told what to do instead of asked.
async fn encoded(encoding: Encoding, response: Response) -> Response {
    let Some(name) = encoding.header_value() else {
        return response;
    };
    let mut request = Request::new(());
    request.headers_mut().insert(header::ACCEPT_ENCODING, name);
    let mut once = Some(response);
    let answer = tower::service_fn(move |_: Request<()>| -> Ready<Result<Response, Infallible>> {
        ready(Ok(once.take().unwrap_or_default()))
    });
    let level = match encoding {
        Encoding::Brotli => CompressionLevel::Precise(BROTLI_QUALITY),
        _ => CompressionLevel::Default,
    };
    let compression = Compression::new(answer).quality(level).compress_when(Always);
    match compression.oneshot(request).await {
        Ok(compressed) => compressed.map(|body: CompressionBody<Body>| Body::new(body)),
        Err(never) => match never {},
    }
}

/// The decision was made before.
#[derive(Debug, Clone, Copy)]
struct Always;

impl Predicate for Always {
    fn should_compress<B>(&self, _: &http::Response<B>) -> bool
    where
        B: http_body::Body,
    {
        true
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse as _};
    use http::{HeaderValue, Method};

    use super::{
        super::{JsonResponse, PreparedJson},
        *,
    };

    fn accepting(encodings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))])
    }

    async fn asked(accept: &'static str, response: Response) -> Response {
        compress(Encoding::negotiate(&Method::GET, &accepting(accept)), response).await
    }

    fn json(length: usize) -> Response {
        JsonResponse::from_bytes(StatusCode::OK, "1".repeat(length)).into_response()
    }

    fn typed(content_type: &'static str) -> Response {
        (
            [(header::CONTENT_TYPE, content_type)],
            "x".repeat(COMPRESSION_FLOOR),
        )
            .into_response()
    }

    #[tokio::test]
    async fn long_json_is_compressed_without_a_length_and_keeps_its_tag() {
        let plain = json(COMPRESSION_FLOOR);
        let tag = plain.headers()[header::ETAG].clone();
        let response = asked("gzip, deflate, br", plain).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
        assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
        assert_eq!(response.headers()[header::ETAG], tag);
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut body.as_ref(), &mut plain).unwrap();
        assert_eq!(plain, "1".repeat(COMPRESSION_FLOOR).into_bytes());
    }

    #[tokio::test]
    async fn short_or_unaccepted_answers_only_say_that_they_vary() {
        for response in [
            asked("br", json(COMPRESSION_FLOOR - 1)).await,
            asked("identity", json(COMPRESSION_FLOOR)).await,
        ] {
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
            assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
            assert!(response.headers().contains_key(header::CONTENT_LENGTH));
        }
    }

    #[tokio::test]
    async fn only_types_that_shrink_are_touched() {
        for content_type in [
            "text/html",
            "application/problem+json",
            "image/svg+xml; charset=utf-8",
        ] {
            let response = asked("gzip", typed(content_type)).await;
            assert_eq!(
                response.headers()[header::CONTENT_ENCODING],
                "gzip",
                "{content_type}"
            );
        }
        for content_type in ["image/png", "text/event-stream", "application/octet-stream"] {
            let response = asked("gzip", typed(content_type)).await;
            assert!(
                !response.headers().contains_key(header::CONTENT_ENCODING),
                "{content_type}"
            );
            assert!(!response.headers().contains_key(header::VARY), "{content_type}");
        }
    }

    #[tokio::test]
    async fn a_prepared_body_passes_untouched() {
        let prepared = PreparedJson::new("1".repeat(COMPRESSION_FLOOR));
        let response = asked("gzip", prepared.respond(&Method::GET, &accepting("gzip"))).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(response.headers().contains_key(header::CONTENT_LENGTH));
        assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
    }
}

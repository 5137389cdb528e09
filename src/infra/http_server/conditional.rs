//! 304 for callers that already have the body.

use axum::{body::Body, response::Response};
use http::{HeaderMap, Method, StatusCode, header};

use super::{etag::is_fresh, vary};

/// Turns a 2xx answer with an `ETag` into a 304 without body when the request's `If-None-Match` names the tag.
pub(super) fn not_modified_if_fresh(
    method: &Method,
    request_headers: &HeaderMap,
    mut response: Response,
) -> Response {
    let is_match = response.status().is_success()
        && response
            .headers()
            .get(header::ETAG)
            .is_some_and(|etag| is_fresh(method, request_headers, etag));
    if !is_match {
        return response;
    }
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    vary::remove_encoding(headers);
    response
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::HeaderValue;

    use super::{super::JsonResponse, *};

    fn answered(method: Method, status: StatusCode, tag: &'static str) -> Response {
        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static(tag));
        not_modified_if_fresh(
            &method,
            &request,
            JsonResponse::from_bytes(status, "[]").into_response(),
        )
    }

    #[test]
    fn a_matching_get_or_head_is_a_304_without_body_headers() {
        for method in [Method::GET, Method::HEAD] {
            let response = answered(method, StatusCode::OK, r#"W/"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w""#);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(response.headers().keys().collect::<Vec<_>>(), [header::ETAG]);
        }
    }

    #[test]
    fn failures_and_other_methods_keep_their_answer() {
        assert_eq!(
            answered(Method::POST, StatusCode::OK, "*").status(),
            StatusCode::OK
        );
        assert_eq!(
            answered(Method::GET, StatusCode::NOT_FOUND, "*").status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            answered(Method::GET, StatusCode::OK, "\"other\"").status(),
            StatusCode::OK
        );
    }
}

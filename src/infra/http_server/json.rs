//! A JSON answer as Express sends one: content type with charset, length and weak ETag.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG},
};
use serde::Serialize;

use super::etag::weak_etag;

/// The content type of every JSON body.
pub const JSON_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Room for the headers of an answer and those the edge adds, so that the map is allocated once.
pub(super) const USUAL_HEADERS: usize = 24;

/// A status and a serialised JSON body.
#[derive(Debug, Clone)]
pub struct JsonResponse {
    status: StatusCode,
    body: Bytes,
}

impl JsonResponse {
    /// Sends bytes that are JSON already.
    pub fn from_bytes(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { status, body }
    }

    /// Serialises the value, compact and in the order of its fields.
    ///
    /// Fails only for values that JSON cannot hold, such as a map whose keys are not text.
    pub fn new<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::from_bytes(status, serde_json::to_vec(value)?))
    }
}

impl IntoResponse for JsonResponse {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(CONTENT_TYPE, JSON_CONTENT_TYPE);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        headers.insert(ETAG, weak_etag(&self.body));
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_carries_type_length_and_tag() {
        let response = JsonResponse::new(StatusCode::CREATED, &serde_json::json!({"status": "ok"}))
            .unwrap()
            .into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        assert_eq!(response.headers()[CONTENT_LENGTH], "15");
        assert_eq!(response.headers()[ETAG], r#"W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg""#);
    }
}

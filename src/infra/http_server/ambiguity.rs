//! Requests that two servers could read in two ways: refused, since whoever stands before or behind us may read the other.

use axum::response::{IntoResponse as _, Response};
use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Version,
    header::{CONNECTION, HOST, TRANSFER_ENCODING},
};

use super::json::JsonResponse;

/// What can be read in two ways. As an extension of a request it makes the edge refuse it, so that it is logged like
/// every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ambiguity {
    /// Not exactly one `Host`.
    Host,
    /// Both `Content-Length` and `Transfer-Encoding`, or a length that goes on and on.
    Length,
    /// A transfer coding besides `chunked`, which we would pass on undone and unnamed.
    Coding,
}

impl Ambiguity {
    /// Looks at a request; `is_unsure` says that its length can be read in two ways, which its headers no longer show.
    pub(super) fn of<B>(request: &Request<B>, is_unsure: bool) -> Option<Self> {
        let headers = request.headers();
        if is_unsure {
            return Some(Self::Length);
        }
        if !has_one_host(request.version(), headers) {
            return Some(Self::Host);
        }
        (!is_chunked_at_most(headers)).then_some(Self::Coding)
    }

    /// What is answered; the connection ends with it.
    pub(super) fn refusal(self) -> Response {
        let sentence = match self {
            Self::Host => "Send exactly one Host header",
            Self::Length => {
                "Send either Content-Length or Transfer-Encoding, not both, and no length with needless digits"
            }
            Self::Coding => "Send no transfer coding but chunked, and that one once",
        };
        let body = format!(
            r#"{{"error":{{"name":"InputError","message":"{sentence}"}},"response":{{"statusCode":400}}}}"#
        );
        let mut response = JsonResponse::from_bytes(StatusCode::BAD_REQUEST, body).into_response();
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// HTTP/1.1 demands exactly one `Host` (RFC 9112 §3.2); with two, whoever stands in front may have read the other.
fn has_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => true,
        (None, _) => version != Version::HTTP_11,
        _ => false,
    }
}

fn is_chunked_at_most(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn judge(headers: &[(&'static str, &'static str)], is_unsure: bool, expected: Option<Ambiguity>) {
        let mut request = Request::new(());
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(Ambiguity::of(&request, is_unsure), expected, "{headers:?}");
    }

    #[test]
    fn only_one_host_one_length_and_the_coding_chunked_are_clear() {
        let (host, chunked) = (("host", "x"), ("transfer-encoding", "Chunked"));
        judge(&[host], false, None);
        judge(&[host, chunked], false, None);
        judge(&[host, ("content-length", "5")], false, None);
        judge(&[], false, Some(Ambiguity::Host));
        judge(&[host, host], false, Some(Ambiguity::Host));
        judge(&[host, chunked], true, Some(Ambiguity::Length));
        judge(&[host, ("content-length", "5")], true, Some(Ambiguity::Length));
        judge(&[host, chunked, chunked], false, Some(Ambiguity::Coding));
        for coding in ["gzip, chunked", "chunked, chunked", "gzip"] {
            judge(
                &[host, ("transfer-encoding", coding)],
                false,
                Some(Ambiguity::Coding),
            );
        }
    }
}

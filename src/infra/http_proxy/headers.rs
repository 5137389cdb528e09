//! What concerns one connection only (RFC 9110, 7.6.1), and what says where a request came from.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    uri::Scheme,
};

use crate::infra::http_server::Arrival;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How all headers begin that a proxy adds about its caller.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// `Trailer` is not among them: the trailers it announces are passed on.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Names a sender may not take off with `Connection`: they are the request's, not the connection's.
const KEPT: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRAILER];

/// Whether the body's length could be read in two ways.
pub(super) fn is_ambiguous(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    lengths > 1 || (lengths == 1 && headers.contains_key(TRANSFER_ENCODING))
}

/// The protocol the caller wants to change to.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = connection_tokens(headers).any(|token| token == UPGRADE.as_str());
    headers.get(UPGRADE).filter(|_| asked).cloned()
}

/// Asks for a change of protocol, or agrees to it.
pub(super) fn put_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Takes off what concerns one connection only; `TE: trailers` stays, since trailers are passed on.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_tokens(headers)
        .filter_map(|token| token.parse().ok())
        .filter(|name| !KEPT.contains(name))
        .collect();
    let wants_trailers = headers
        .get(TE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Says for whom the request is passed on. What the caller says itself counts only if it is a trusted proxy.
pub(super) fn forwarded(headers: &mut HeaderMap, arrival: &Arrival, trusted: bool, scheme: &Scheme) {
    if !trusted {
        let claimed: Vec<HeaderName> = headers
            .keys()
            .filter(|name| name.as_str().starts_with(FORWARDED_PREFIX) || **name == FORWARDED)
            .cloned()
            .collect();
        for name in claimed {
            headers.remove(name);
        }
    }
    let peer = arrival.peer.ip().to_canonical().to_string();
    let before = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let chain = before.chain([peer.as_str()]).collect::<Vec<_>>().join(", ");
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    if let Ok(scheme) = HeaderValue::from_str(scheme.as_str()) {
        headers.entry(FORWARDED_PROTO).or_insert(scheme);
    }
}

/// What `Connection` names, in lower case.
fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let lines = headers.get_all(CONNECTION).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|token| token.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_concerns_one_connection_is_taken_off_and_so_is_what_connection_names() {
        let mut passed = headers(&[
            ("connection", "keep-alive, X-Hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("authorization", "Bearer y"),
            ("cookie", "a=b"),
        ]);
        remove_hop_by_hop(&mut passed);
        let mut left: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "cookie", "te", "trailer"]);
    }

    #[test]
    fn a_sender_cannot_take_off_the_host_or_the_length() {
        let mut passed = headers(&[
            ("connection", "host, content-length"),
            ("host", "x"),
            ("content-length", "1"),
        ]);
        remove_hop_by_hop(&mut passed);
        assert!(passed.contains_key(HOST) && passed.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        assert!(upgrade(&headers(&[("connection", "Upgrade"), ("upgrade", "websocket")])).is_some());
        assert!(upgrade(&headers(&[("upgrade", "websocket")])).is_none());
        assert!(upgrade(&headers(&[("connection", "upgrade")])).is_none());
    }

    #[test]
    fn a_length_beside_a_coding_and_two_lengths_are_ambiguous() {
        assert!(is_ambiguous(&headers(&[
            ("content-length", "1"),
            ("transfer-encoding", "chunked")
        ])));
        assert!(is_ambiguous(&headers(&[
            ("content-length", "1"),
            ("content-length", "1")
        ])));
        assert!(!is_ambiguous(&headers(&[("content-length", "1")])));
        assert!(!is_ambiguous(&headers(&[("transfer-encoding", "chunked")])));
    }
}

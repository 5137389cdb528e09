//! What concerns one connection only (RFC 9110, 7.6.1), and what says where a request came from.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    uri::Scheme,
};

use crate::infra::http_server::Arrival;

const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How all headers begin that a proxy adds about its caller.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// `Trailer` is not among them: the trailers it announces are passed on.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HTTP2_SETTINGS,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Names a sender may not take off with `Connection`: they are the request's, not the connection's.
const KEPT: [HeaderName; 9] = [
    HOST,
    CONTENT_LENGTH,
    TRAILER,
    AUTHORIZATION,
    COOKIE,
    FORWARDED,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PROTO,
];

/// Whether the caller wants to change to websocket. Any other protocol, such as HTTP/2 in the clear, would carry
/// requests past us that are never looked at.
pub(super) fn wants_websocket(method: &Method, headers: &HeaderMap) -> bool {
    let asked = connection_tokens(headers).any(|token| token == UPGRADE.as_str());
    let mut protocols = headers.get_all(UPGRADE).iter();
    let first = protocols
        .next()
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    asked && first && protocols.next().is_none() && *method == Method::GET
}

/// Asks for a change to websocket, or agrees to it.
pub(super) fn put_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
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

/// Says how the body ends. The client would do so itself, but takes it that a GET or HEAD has none and drops it.
pub(super) fn frame_body(headers: &mut HeaderMap) {
    if !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
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
    fn only_a_get_that_asks_for_websocket_and_nothing_else_is_an_upgrade() {
        let wanted = |method: Method, pairs: &[(&'static str, &'static str)]| {
            wants_websocket(&method, &headers(pairs))
        };
        let (connection, websocket) = (("connection", "Upgrade"), ("upgrade", "WebSocket"));
        assert!(wanted(Method::GET, &[connection, websocket]));
        assert!(!wanted(Method::POST, &[connection, websocket]));
        assert!(!wanted(Method::GET, &[websocket]));
        assert!(!wanted(Method::GET, &[connection]));
        assert!(!wanted(Method::GET, &[connection, ("upgrade", "h2c")]));
        assert!(!wanted(Method::GET, &[connection, websocket, ("upgrade", "h2c")]));
    }
}

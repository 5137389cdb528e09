//! Weak entity tags in Express's form, and when a caller already has what a tag names.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, Method,
    header::{CACHE_CONTROL, IF_NONE_MATCH},
};
use sha1::{Digest as _, Sha1};

/// Characters of the Base64 SHA-1 that the tag keeps: all 28 but the padding.
const HASH_CHARACTERS: usize = 27;

/// Returns `W/"<hex length>-<27 characters of Base64 SHA-1>"`, as npm `etag` writes it.
pub(super) fn weak_etag(body: &[u8]) -> HeaderValue {
    let hash = STANDARD.encode(Sha1::digest(body));
    let mut tag = String::with_capacity(48);
    let kept = hash.get(..HASH_CHARACTERS).unwrap_or(&hash);
    // Writing to a String cannot fail.
    let _ = write!(tag, "W/\"{:x}-{kept}\"", body.len());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(tag)).unwrap_or(HeaderValue::from_static("W/\"0\""))
}

/// Whether the caller's copy is still good: GET or HEAD whose `If-None-Match` names the tag, compared weakly.
///
/// A request with `Cache-Control: no-cache` wants the body in any case (npm `fresh`).
pub(super) fn is_fresh(method: &Method, request_headers: &HeaderMap, etag: &HeaderValue) -> bool {
    if !request_headers.contains_key(IF_NONE_MATCH) || !(*method == Method::GET || *method == Method::HEAD) {
        return false;
    }
    !wants_reload(request_headers)
        && request_headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|line| names_tag(line.as_bytes(), etag.as_bytes()))
}

fn wants_reload(request_headers: &HeaderMap) -> bool {
    request_headers.get_all(CACHE_CONTROL).iter().any(|line| {
        line.as_bytes()
            .split(|byte| *byte == b',')
            .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-cache"))
    })
}

/// Entity tags may not hold a comma in our form, so splitting on commas is safe for finding ours.
fn names_tag(line: &[u8], etag: &[u8]) -> bool {
    line.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || opaque(tag) == opaque(etag))
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_one_express_writes() {
        assert_eq!(
            weak_etag(br#"{"status":"ok"}"#),
            r#"W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg""#
        );
        assert_eq!(weak_etag(b"[]"), r#"W/"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w""#);
    }

    fn fresh(method: Method, lines: &[(http::HeaderName, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        is_fresh(&method, &headers, &HeaderValue::from_static(r#"W/"2-ab""#))
    }

    #[test]
    fn a_tag_matches_weakly_in_a_list_or_as_a_star() {
        for value in [r#"W/"2-ab""#, r#""2-ab""#, r#""x", W/"2-ab" , "y""#, "*"] {
            assert!(fresh(Method::GET, &[(IF_NONE_MATCH, value)]), "{value}");
        }
        assert!(fresh(
            Method::HEAD,
            &[(IF_NONE_MATCH, r#""x""#), (IF_NONE_MATCH, r#""2-ab""#)]
        ));
    }

    #[test]
    fn other_tags_methods_and_reloads_get_the_body() {
        assert!(!fresh(Method::GET, &[]));
        assert!(!fresh(Method::GET, &[(IF_NONE_MATCH, r#"W/"2-abc""#)]));
        assert!(!fresh(Method::GET, &[(IF_NONE_MATCH, "")]));
        assert!(!fresh(Method::POST, &[(IF_NONE_MATCH, "*")]));
        assert!(!fresh(
            Method::GET,
            &[(IF_NONE_MATCH, "*"), (CACHE_CONTROL, "max-age=0, no-cache")]
        ));
    }
}

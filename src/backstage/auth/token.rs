//! The token as the request carries it, and its parts before anything is trusted.

use std::{borrow::Cow, net::IpAddr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::LimitedAccess;

/// Name of the cookie that holds a limited user token; Backstage's.
pub(super) const COOKIE: &str = "backstage-auth";

/// Finds the token: `Authorization: Bearer …`, or, where limited access is allowed and there is none, the cookie.
///
/// Anything else in `Authorization` counts as no token, as in Backstage.
pub(super) fn find(headers: &HeaderMap, limited: LimitedAccess) -> Option<Cow<'_, str>> {
    match (bearer(headers), limited) {
        (Some(token), _) => Some(Cow::Borrowed(token)),
        (None, LimitedAccess::Allowed) => cookie(headers).map(Cow::Owned),
        (None, LimitedAccess::Refused) => None,
    }
}

/// Returns the token after `Bearer` and one or more spaces, if nothing follows it.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    // `to_str` lets no white space through but these two; looking for bytes is what the standard library does fastest.
    let whole = !token.is_empty() && !token.as_bytes().contains(&b' ') && !token.as_bytes().contains(&b'\t');
    (scheme.eq_ignore_ascii_case("bearer") && whole).then_some(token)
}

/// Returns the token in the cookie, percent-decoded; an empty one counts as none.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let value = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim() == COOKIE)?
        .1
        .trim()
        .trim_matches('"');
    let token = percent_decode_str(value).decode_utf8().ok()?.into_owned();
    (!token.is_empty()).then_some(token)
}

/// A token in three parts whose header is a JSON object; nothing of it is verified.
#[derive(Debug)]
pub(super) struct Jwt<'a> {
    header: Map<String, Value>,
    claims: Option<Map<String, Value>>,
    signed: &'a str,
    signature: &'a str,
    client: Option<IpAddr>,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart; `None` means that it is no JWT at all.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if claims.contains('.') {
            return None;
        }
        Some(Self {
            header: json_object(header)?,
            claims: json_object(claims),
            signed,
            signature,
            client: None,
        })
    }

    /// The same, sent from this address.
    pub(super) fn sent_by(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// Where it was sent from, if that is known.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// The kind of token, exactly as written.
    pub(super) fn typ(&self) -> Option<&str> {
        self.header_text("typ")
    }

    /// A member of the header.
    pub(super) fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// A text member of the header.
    pub(super) fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name)?.as_str()
    }

    /// Whether the header holds the member, of whatever type.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.header.contains_key(name)
    }

    /// A claim of whatever type; `None` also when the claims are not readable.
    pub(super) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.as_ref()?.get(name)
    }

    /// A claim that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }

    /// A claim that is a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.claim(name)?.as_f64()
    }

    /// Whether the claims could be read.
    pub(super) fn has_claims(&self) -> bool {
        self.claims.is_some()
    }

    /// What was signed, and the signature in base64url.
    pub(super) fn signed_and_signature(&self) -> (&str, &str) {
        (self.signed, self.signature)
    }
}

fn json_object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_one_token_after_spaces_counts_as_bearer() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bEARER    abc", Some("abc")),
            ("Bearer\tabc", None),
            ("Bearer a b", None),
            ("Bearer a\tb", None),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic abc", None),
            ("abc", None),
        ] {
            assert_eq!(bearer(&with(header::AUTHORIZATION, value)), token, "{value}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others_and_may_be_quoted_or_encoded() {
        for value in [
            "other=1; backstage-auth=a.b",
            "backstage-auth=\"a.b\"",
            "backstage-auth=a%2Eb;x=y",
        ] {
            assert_eq!(cookie(&with(header::COOKIE, value)).as_deref(), Some("a.b"));
        }
        for value in [
            "backstage-auth=",
            "xbackstage-auth=a",
            "backstage-auth",
            "BACKSTAGE-AUTH=a",
        ] {
            assert_eq!(cookie(&with(header::COOKIE, value)), None, "{value}");
        }
    }

    #[test]
    fn the_cookie_is_not_looked_at_without_limited_access() {
        let headers = with(header::COOKIE, "backstage-auth=a.b");
        assert_eq!(find(&headers, LimitedAccess::Refused), None);
        assert_eq!(find(&headers, LimitedAccess::Allowed).as_deref(), Some("a.b"));
    }

    #[test]
    fn what_is_not_three_parts_with_a_json_header_is_no_jwt() {
        for token in [
            "",
            ".",
            "..",
            "a.b.c",
            "e30.e30",
            "e30.e30.x.y",
            "W10.e30.x",
            "ä.ö.ü",
            "e30=.e30.x",
        ] {
            assert!(Jwt::parse(token).is_none(), "{token}");
        }
        assert!(Jwt::parse("e30.e30.").is_some_and(|jwt| jwt.has_claims()));
        assert!(Jwt::parse("e30.W10.").is_some_and(|jwt| !jwt.has_claims()));
    }
}

//! The `Vary` header of answers that differ by origin or encoding.

use http::{
    HeaderMap, HeaderValue,
    header::{Entry, VARY},
};

/// Compressed answers and their uncompressed twins.
pub(super) const ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Preflights that echo the headers asked for.
pub(super) const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("Access-Control-Request-Headers");

/// Puts `Origin` first, as Backstage sends it.
pub(super) fn add_origin(headers: &mut HeaderMap) {
    match headers.entry(VARY) {
        Entry::Vacant(entry) => {
            entry.insert(HeaderValue::from_static("Origin"));
        }
        // The common case costs no allocation.
        Entry::Occupied(mut entry) if *entry.get() == ENCODING => {
            entry.insert(HeaderValue::from_static("Origin, Accept-Encoding"));
        }
        Entry::Occupied(mut entry) if !names(entry.get(), b"origin") => {
            let joined = [b"Origin, ", entry.get().as_bytes()].concat();
            if let Ok(value) = HeaderValue::from_bytes(&joined) {
                entry.insert(value);
            }
        }
        Entry::Occupied(_) => {}
    }
}

/// Adds `Accept-Encoding` unless it is there.
pub(super) fn add_encoding(headers: &mut HeaderMap) {
    match headers.entry(VARY) {
        Entry::Vacant(entry) => {
            entry.insert(ENCODING);
        }
        Entry::Occupied(mut entry) if !names(entry.get(), b"accept-encoding") => {
            let joined = [entry.get().as_bytes(), b", Accept-Encoding"].concat();
            if let Ok(value) = HeaderValue::from_bytes(&joined) {
                entry.insert(value);
            }
        }
        Entry::Occupied(_) => {}
    }
}

/// Takes `Accept-Encoding` away again: a 304 has no encoding.
pub(super) fn remove_encoding(headers: &mut HeaderMap) {
    if headers.get(VARY) == Some(&ENCODING) {
        headers.remove(VARY);
    }
}

/// `*` covers everything.
fn names(value: &HeaderValue, name: &[u8]) -> bool {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|item| item == b"*" || item.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(change: fn(&mut HeaderMap), before: Option<&'static str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = before {
            headers.insert(VARY, HeaderValue::from_static(value));
        }
        change(&mut headers);
        headers.get(VARY).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn names_are_added_once() {
        for (before, expected) in [
            (None, "Origin"),
            (Some("Accept-Encoding"), "Origin, Accept-Encoding"),
            (Some("x"), "Origin, x"),
            (Some("x, origin"), "x, origin"),
            (Some("*"), "*"),
        ] {
            assert_eq!(after(add_origin, before).unwrap(), expected);
        }
        assert_eq!(after(add_encoding, None).unwrap(), "Accept-Encoding");
        assert_eq!(
            after(add_encoding, Some("Cookie")).unwrap(),
            "Cookie, Accept-Encoding"
        );
        assert_eq!(
            after(add_encoding, Some("accept-encoding")).unwrap(),
            "accept-encoding"
        );
        assert_eq!(after(remove_encoding, Some("Accept-Encoding")), None);
        assert_eq!(after(remove_encoding, Some("Cookie")).unwrap(), "Cookie");
    }
}

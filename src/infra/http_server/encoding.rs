//! Which content encoding a caller gets: the highest weight it names, then Brotli before gzip before deflate.

use http::{HeaderMap, HeaderValue, Method, header::ACCEPT_ENCODING};

/// Bodies below this many bytes are sent as they are: packing them costs more than it saves (Backstage's floor).
pub(super) const COMPRESSION_FLOOR: usize = 1024;

/// A content encoding we can produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `br`
    Brotli,
    /// `gzip`
    Gzip,
    /// `deflate`, which on the wire is a zlib stream (RFC 9110 §8.4.1.2).
    Deflate,
    /// Unchanged.
    Identity,
}

/// Ours, best first.
const PREFERENCE: [Encoding; 3] = [Encoding::Brotli, Encoding::Gzip, Encoding::Deflate];

impl Encoding {
    /// Returns the name on the wire, or `None` for a body sent unchanged.
    pub fn header_value(self) -> Option<HeaderValue> {
        self.name().map(HeaderValue::from_static)
    }

    /// Returns what to send for this request. HEAD is never compressed, so that its `Content-Length` is known.
    pub fn negotiate(method: &Method, request_headers: &HeaderMap) -> Self {
        if *method == Method::HEAD {
            return Encoding::Identity;
        }
        let weights = Weights::read(request_headers);
        let mut best = (Encoding::Identity, 0.0);
        for encoding in PREFERENCE {
            let weight = weights.of(encoding);
            if weight > best.1 {
                best = (encoding, weight);
            }
        }
        if best.1 < weights.identity {
            return Encoding::Identity;
        }
        best.0
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Brotli => Some("br"),
            Encoding::Gzip => Some("gzip"),
            Encoding::Deflate => Some("deflate"),
            Encoding::Identity => None,
        }
    }
}

/// The weights of `Accept-Encoding`; an encoding that is not named counts as `*`, or not at all.
#[derive(Debug, Default)]
struct Weights {
    brotli: Option<f32>,
    gzip: Option<f32>,
    deflate: Option<f32>,
    any: Option<f32>,
    /// Only what was asked for by name: unnamed, unchanged bytes are the last resort.
    identity: f32,
}

impl Weights {
    fn read(request_headers: &HeaderMap) -> Self {
        let mut weights = Self::default();
        for line in request_headers.get_all(ACCEPT_ENCODING) {
            let Ok(line) = line.to_str() else { continue };
            for item in line.split(',') {
                weights.add(item);
            }
        }
        weights
    }

    fn add(&mut self, item: &str) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight(parameters);
        match name.trim() {
            name if name.eq_ignore_ascii_case("br") => self.brotli = Some(weight),
            name if name.eq_ignore_ascii_case("gzip") => self.gzip = Some(weight),
            name if name.eq_ignore_ascii_case("deflate") => self.deflate = Some(weight),
            name if name.eq_ignore_ascii_case("identity") => self.identity = weight,
            "*" => self.any = Some(weight),
            _ => {}
        }
    }

    fn of(&self, encoding: Encoding) -> f32 {
        let named = match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Gzip => self.gzip,
            Encoding::Deflate => self.deflate,
            Encoding::Identity => Some(self.identity),
        };
        named.or(self.any).unwrap_or(0.0)
    }
}

/// A weight that cannot be read counts as 1, like one that is missing.
fn weight(parameters: &str) -> f32 {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().strip_prefix("q="))
        .find_map(|text| text.trim().parse::<f32>().ok())
        .filter(|weight| weight.is_finite())
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &[&'static str]) -> Encoding {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        Encoding::negotiate(&Method::GET, &headers)
    }

    #[test]
    fn without_a_header_the_body_is_sent_unchanged() {
        assert_eq!(negotiated(&[]), Encoding::Identity);
        assert_eq!(negotiated(&[""]), Encoding::Identity);
        assert_eq!(negotiated(&["identity"]), Encoding::Identity);
    }

    #[test]
    fn brotli_wins_over_gzip_and_gzip_over_deflate_when_the_caller_does_not_mind() {
        assert_eq!(negotiated(&["gzip, deflate, br"]), Encoding::Brotli);
        assert_eq!(negotiated(&["deflate, gzip"]), Encoding::Gzip);
        assert_eq!(negotiated(&["deflate"]), Encoding::Deflate);
        assert_eq!(negotiated(&["gzip", "BR"]), Encoding::Brotli);
        assert_eq!(negotiated(&["*"]), Encoding::Brotli);
        assert_eq!(negotiated(&["zstd, gzip, identity"]), Encoding::Gzip);
    }

    #[test]
    fn weights_decide_before_our_preference() {
        assert_eq!(negotiated(&["br;q=0.5, gzip;q=0.9"]), Encoding::Gzip);
        assert_eq!(negotiated(&["br;q=0, *"]), Encoding::Gzip);
        assert_eq!(negotiated(&["gzip;q=0"]), Encoding::Identity);
        assert_eq!(negotiated(&["gzip;q=0.5, identity"]), Encoding::Identity);
        assert_eq!(negotiated(&["gzip ; q=0.2 ; x=1"]), Encoding::Gzip);
    }

    #[test]
    fn a_head_answer_is_never_compressed() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(Encoding::negotiate(&Method::HEAD, &headers), Encoding::Identity);
    }
}

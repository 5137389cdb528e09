//! A JSON body that many callers get: tagged once, compressed once per encoding, sent without copying.

use std::{io::Write as _, sync::OnceLock};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY},
};

use super::{
    encoding::{COMPRESSION_FLOOR, Encoding},
    etag::{is_fresh, weak_etag},
    json::{JSON_CONTENT_TYPE, USUAL_HEADERS},
    vary,
};

/// Brotli quality; Node's middleware uses 4 per answer, one step more is affordable because it is done once.
const BROTLI_QUALITY: u32 = 5;

/// Brotli window (4 MB): the library's default, enough for any list of stacks.
const BROTLI_WINDOW: u32 = 22;

/// Working memory of the Brotli encoder, in bytes.
const BROTLI_BUFFER: usize = 4096;

/// A serialised 200 answer with everything computed that does not depend on the caller.
///
/// Share it behind an `Arc`. The compressed forms are made when the first caller wants one and then kept.
#[derive(Debug)]
pub struct PreparedJson {
    identity: Form,
    etag: HeaderValue,
    brotli: OnceLock<Form>,
    gzip: OnceLock<Form>,
    deflate: OnceLock<Form>,
}

/// One encoded form of the body, with its length as a header.
#[derive(Debug)]
struct Form {
    encoding: Encoding,
    body: Bytes,
    length: HeaderValue,
}

impl PreparedJson {
    /// Tags bytes that are JSON already.
    pub fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            etag: weak_etag(&body),
            identity: Form::new(Encoding::Identity, body),
            brotli: OnceLock::new(),
            gzip: OnceLock::new(),
            deflate: OnceLock::new(),
        }
    }

    /// Returns the uncompressed body.
    pub fn body(&self) -> &Bytes {
        &self.identity.body
    }

    /// Answers one caller: 304 if it has this body already, else the encoding it prefers.
    ///
    /// Decide permissions before: the tag alone already tells something about the data.
    pub fn respond(&self, method: &Method, request_headers: &HeaderMap) -> Response {
        if is_fresh(method, request_headers, &self.etag) {
            return self.not_modified();
        }
        let form = self.form(method, request_headers);
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(CONTENT_TYPE, JSON_CONTENT_TYPE);
        headers.insert(CONTENT_LENGTH, form.length.clone());
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, vary::ENCODING);
        if let Some(name) = form.encoding.header_value() {
            headers.insert(CONTENT_ENCODING, name);
        }
        let mut response = Response::new(Body::from(form.body.clone()));
        *response.headers_mut() = headers;
        response
    }

    fn not_modified(&self) -> Response {
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(ETAG, self.etag.clone());
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = headers;
        response
    }

    fn form(&self, method: &Method, request_headers: &HeaderMap) -> &Form {
        let body = self.body();
        if body.len() < COMPRESSION_FLOOR {
            return &self.identity;
        }
        match Encoding::negotiate(method, request_headers) {
            Encoding::Brotli => self
                .brotli
                .get_or_init(|| Form::new(Encoding::Brotli, brotli(body))),
            Encoding::Gzip => self.gzip.get_or_init(|| Form::new(Encoding::Gzip, gzip(body))),
            Encoding::Deflate => self
                .deflate
                .get_or_init(|| Form::new(Encoding::Deflate, zlib(body))),
            Encoding::Identity => &self.identity,
        }
    }
}

impl Form {
    fn new(encoding: Encoding, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            encoding,
            length: HeaderValue::from(body.len()),
            body,
        }
    }
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
    // Writing to memory cannot fail; the same holds below.
    let _ = writer.write_all(body);
    writer.into_inner()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    let _ = writer.write_all(body);
    writer.finish().unwrap_or_default()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = writer.write_all(body);
    writer.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::to_bytes;
    use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

    use super::*;

    fn long_list() -> Vec<u8> {
        format!("[{}1]", r#"{"name":"a stack"},"#.repeat(200)).into_bytes()
    }

    fn asking(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    async fn body_of(response: Response) -> Bytes {
        to_bytes(response.into_body(), usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn each_encoding_unpacks_to_the_same_bytes_under_the_same_tag() {
        let prepared = PreparedJson::new(long_list());
        let plain = prepared.respond(&Method::GET, &HeaderMap::new());
        for accept in ["br", "gzip", "deflate"] {
            let response = prepared.respond(&Method::GET, &asking(ACCEPT_ENCODING, accept));
            assert_eq!(response.headers()[CONTENT_ENCODING], accept);
            assert_eq!(response.headers()[ETAG], plain.headers()[ETAG]);
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
            let length = response.headers()[CONTENT_LENGTH].to_str().unwrap().to_owned();
            let packed = body_of(response).await;
            assert_eq!(packed.len().to_string(), length);
            assert_eq!(unpacked(accept, &packed), long_list());
        }
        assert_eq!(body_of(plain).await, long_list());
    }

    fn unpacked(encoding: &str, packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match encoding {
            "br" => brotli::Decompressor::new(packed, BROTLI_BUFFER).read_to_end(&mut plain),
            "gzip" => flate2::read::GzDecoder::new(packed).read_to_end(&mut plain),
            _ => flate2::read::ZlibDecoder::new(packed).read_to_end(&mut plain),
        }
        .unwrap();
        plain
    }

    #[tokio::test]
    async fn a_short_body_and_a_head_answer_are_not_compressed() {
        let short = PreparedJson::new("[]").respond(&Method::GET, &asking(ACCEPT_ENCODING, "br"));
        assert!(!short.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(short.headers()[VARY], "Accept-Encoding");
        let head = PreparedJson::new(long_list()).respond(&Method::HEAD, &asking(ACCEPT_ENCODING, "br"));
        assert!(!head.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(
            head.headers()[CONTENT_LENGTH],
            long_list().len().to_string().as_str()
        );
    }

    #[tokio::test]
    async fn a_caller_that_has_the_body_gets_a_304_with_the_tag_and_nothing_else() {
        let prepared = PreparedJson::new("[]");
        let response = prepared.respond(
            &Method::GET,
            &asking(IF_NONE_MATCH, r#"W/"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w""#),
        );
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers().len(), 1);
        assert!(response.headers().contains_key(ETAG));
        assert!(body_of(response).await.is_empty());
    }
}

//! The one log line of each request, in the words of Backstage's root HTTP router.

use std::{borrow::Cow, fmt::Write as _, mem};

use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use tracing::{Level, enabled, error, info};

use super::arrival::Arrival;
use crate::infra::clock;

/// Bound of each piece of the line that the caller chose, in bytes.
const LONGEST_PIECE: usize = 2048;

/// Room for a usual line.
const USUAL_LINE: usize = 320;

/// A status that no server sends, for callers that went away before there was an answer (nginx's custom).
const CALLER_GONE: u16 = 499;

/// The cause of a failure that was answered by a library of ours, without a word to us.
const UNEXPLAINED: &str = "no cause was told";

/// Why a request failed, for its log line; put it in the response's extensions. Never reaches the caller.
#[derive(Debug, Clone)]
pub struct FailureCause(pub String);

/// In a request's extensions: its log line leaves out the query, and that of the page it was asked from.
#[derive(Debug, Clone, Copy)]
pub struct PrivateQuery;

/// A request under way, with what its line will need. Dropped without an end, it logs that the caller went away.
#[derive(Debug)]
pub(super) struct RequestLog {
    arrival: Option<Arrival>,
    method: Method,
    uri: Uri,
    version: Version,
    referrer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    /// Leaves queries out: those of somebody else's requests may hold secrets.
    is_private: bool,
    is_open: bool,
}

impl RequestLog {
    pub(super) fn begin<B>(request: &Request<B>, arrival: Option<Arrival>) -> Self {
        let headers = request.headers();
        Self {
            arrival,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referrer: headers.get(header::REFERER).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            is_private: request.extensions().get::<PrivateQuery>().is_some(),
            is_open: true,
        }
    }

    /// Returns the path asked for.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// An address as the line may show it.
    fn shown<'a>(&self, address: &'a [u8]) -> &'a [u8] {
        let mut parts = address.split(|byte| matches!(byte, b'?' | b'#'));
        match parts.next() {
            Some(path) if self.is_private => path,
            _ => address,
        }
    }

    /// Writes the line for the answer.
    pub(super) fn end(mut self, response: &Response) {
        self.is_open = false;
        let cause = response.extensions().get::<FailureCause>();
        let unexplained = response.status().is_server_error().then_some(UNEXPLAINED);
        self.write(
            response.status().as_u16(),
            content_length(response.headers()),
            cause.map(|cause| cause.0.as_str()).or(unexplained),
        );
    }

    fn write(&self, status: u16, content_length: Option<u64>, error: Option<&str>) {
        let is_failure = status >= 500;
        // Backstage logs all as info; whoever wants errors only wants these.
        if !(is_failure && enabled!(Level::ERROR) || enabled!(Level::INFO)) {
            return;
        }
        let line = Line::new(self, status, content_length.unwrap_or(0));
        let failed = error.is_some() || is_failure;
        let request_id = self
            .arrival
            .as_ref()
            .filter(|_| failed)
            .map(|arrival| arrival.id.to_string());
        // The fields are the same at both levels, which tracing needs to know beforehand.
        macro_rules! write_at {
            ($level:ident) => {
                $level!(
                    // How Backstage names the part that logs requests.
                    service = "rootHttpRouter",
                    "type" = "incomingRequest",
                    date = line.date(),
                    method = self.method.as_str(),
                    url = &*line.url,
                    status,
                    httpVersion = http_version(self.version),
                    userAgent = line.user_agent.as_deref(),
                    contentLength = content_length,
                    referrer = line.referrer.as_deref(),
                    error,
                    requestId = request_id.as_deref(),
                    message = line.message.as_str(),
                )
            };
        }
        match is_failure {
            true => write_at!(error),
            false => write_at!(info),
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        if mem::take(&mut self.is_open) {
            self.write(
                CALLER_GONE,
                None,
                Some("the caller went away before there was an answer"),
            );
        }
    }
}

/// The message and the pieces it is made of.
struct Line<'request> {
    message: String,
    url: Cow<'request, str>,
    referrer: Option<Cow<'request, str>>,
    user_agent: Option<Cow<'request, str>>,
}

impl<'request> Line<'request> {
    fn new(request: &'request RequestLog, status: u16, length: u64) -> Self {
        let mut message = String::with_capacity(USUAL_LINE);
        message.push('[');
        clock::push_iso_now(&mut message);
        let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
        let url = printable(request.shown(target.as_bytes()));
        let referrer = request.referrer.as_ref();
        let referrer = referrer.map(|value| printable(request.shown(value.as_bytes())));
        let user_agent = request
            .user_agent
            .as_ref()
            .map(|value| printable(value.as_bytes()));
        // Writing to a String cannot fail.
        let _ = write!(
            message,
            "] \"{} {url} HTTP/{}\" {status} {length} \"{}\" \"{}\"",
            request.method,
            http_version(request.version),
            referrer.as_deref().unwrap_or("-"),
            user_agent.as_deref().unwrap_or("-"),
        );
        Self {
            message,
            url,
            referrer,
            user_agent,
        }
    }

    /// The date stands between the first brackets of the message.
    fn date(&self) -> &str {
        self.message.get(1..25).unwrap_or_default()
    }
}

fn http_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        Version::HTTP_3 => "3.0",
        _ => "1.1",
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Percent-encodes what could break out of a line or of its quotes, and cuts what is too long.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.get(..LONGEST_PIECE).unwrap_or(bytes);
    if bytes.iter().copied().all(is_harmless)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if is_harmless(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

fn is_harmless(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_caller_sends_can_forge_a_line() {
        assert_eq!(printable(b"curl/8.0 (x; y)"), "curl/8.0 (x; y)");
        assert_eq!(printable(b"a\"b\n\x1b[2J\xff"), "a%22b%0A%1B[2J%FF");
        assert_eq!(printable(&[b'x'; 5000]).len(), LONGEST_PIECE);
    }

    #[test]
    fn the_message_has_the_form_of_a_backstage_access_log() {
        let request = Request::builder()
            .uri("/api/x/stacks?a=1")
            .header("user-agent", "curl/8.0")
            .body(())
            .unwrap();
        let log = RequestLog::begin(&request, None);
        let line = Line::new(&log, 200, 12);
        let (date, rest) = line.message.split_at(26);
        assert!(date.starts_with('[') && date.ends_with("Z]"), "{date}");
        assert_eq!(line.date().len(), 24);
        assert_eq!(
            rest,
            " \"GET /api/x/stacks?a=1 HTTP/1.1\" 200 12 \"-\" \"curl/8.0\""
        );
    }

    #[test]
    fn a_private_line_has_no_query_neither_its_own_nor_that_of_the_page_before() {
        let request = Request::builder()
            .uri("/api/auth/x?code=secret")
            .header("referer", "https://portal.test/a?token=secret#secret")
            .extension(PrivateQuery)
            .body(())
            .unwrap();
        let log = RequestLog::begin(&request, None);
        let line = Line::new(&log, 200, 0);
        assert!(!line.message.contains("secret"), "{}", line.message);
        assert_eq!(
            (&*line.url, line.referrer.as_deref()),
            ("/api/auth/x", Some("https://portal.test/a"))
        );
    }
}

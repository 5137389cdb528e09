//! What a person sees whose page cannot be loaded because the backend behind us is away.

use std::fmt;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Method, Request, StatusCode, header};

use crate::infra::http_server::{Arrival, RequestId};

/// After so many seconds the page loads itself again: soon enough for a restart, seldom enough for a thousand open tabs.
const RETRY_SECONDS: u32 = 5;

/// What has to be remembered of a request so that its failure can be shown as a page.
#[derive(Debug)]
pub(super) struct Visit {
    id: Option<RequestId>,
}

impl Visit {
    /// Notes a request that a browser shows to a person; `None` for all that a program reads.
    pub(super) fn of(request: &Request<Body>) -> Option<Self> {
        let id = request.extensions().get::<Arrival>().map(|arrival| arrival.id);
        (*request.method() == Method::GET && wants_page(request.headers())).then_some(Self { id })
    }

    /// Writes the page in place of an answer that a program would read.
    pub(super) fn page(&self, status: StatusCode) -> Response {
        let mut response = (status, Page(self.id).to_string()).into_response();
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::RETRY_AFTER, RETRY_SECONDS.to_string()),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'".to_owned(),
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Whether the answer becomes a page: it is asked for by name, and not by a script of a page that is there.
fn wants_page(headers: &HeaderMap) -> bool {
    let names_html = |value: &http::HeaderValue| {
        let kinds = value.to_str().unwrap_or_default().split(',');
        let is_html = |kind: &str| {
            let mut parts = kind.split(';').map(str::trim);
            let named = parts.next().unwrap_or_default();
            let is_refused = parts.any(|part| {
                part.starts_with("q=0") && part.trim_start_matches(['q', '=', '0', '.']).is_empty()
            });
            (named.eq_ignore_ascii_case("text/html") || named.eq_ignore_ascii_case("application/xhtml+xml"))
                && !is_refused
        };
        kinds.into_iter().any(is_html)
    };
    let mode = headers.get("sec-fetch-mode");
    headers.get_all(header::ACCEPT).iter().any(names_html)
        && mode.is_none_or(|mode| mode.as_bytes() == b"navigate")
}

struct Page(Option<RequestId>);

impl fmt::Display for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta http-equiv=\"refresh\" content=\"{RETRY_SECONDS}\">\n<title>The portal is not available</title>\n\
             <style>body {{ font: 16px/1.5 sans-serif; max-width: 32em; margin: 4em auto; padding: 0 1em }}</style>\n\
             </head>\n<body>\n<h1>The portal is not available at the moment</h1>\n\
             <p>It may be starting. This page tries again every {RETRY_SECONDS} seconds.</p>\n"
        )?;
        if let Some(id) = self.0 {
            writeln!(
                formatter,
                "<p>If it lasts, tell the portal's operators this id: <code>{id}</code></p>"
            )?;
        }
        formatter.write_str("</body>\n</html>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_what_a_browser_shows() {
        for (accept, mode, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Some("navigate"),
                true,
            ),
            ("text/html", None, true),
            ("Text/HTML; q=0.5", None, true),
            ("text/html", Some("cors"), false),
            ("text/html;q=0", None, false),
            ("text/html; q=0.0, application/json", None, false),
            ("*/*", None, false),
            ("*/*", Some("navigate"), false),
            ("application/json", None, false),
            ("", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            if let Some(mode) = mode {
                headers.insert("sec-fetch-mode", mode.parse().unwrap());
            }
            assert_eq!(wants_page(&headers), expected, "{accept} {mode:?}");
        }
    }
}

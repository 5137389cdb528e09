//! Whether a browser's page of another site stands behind a request.

use http::{HeaderMap, HeaderValue, header};

/// What a browser says of where a request comes from; one request extension. A page can't change it: browsers name the
/// origin of every request that is more than a read, and scripts name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerSite {
    /// No page, as far as is known.
    None,
    /// A page of the portal, or of an origin that is let in by name.
    Allowed,
    /// Any other page.
    Foreign,
}

impl CallerSite {
    /// Judges by `Origin`, and where there is none by `Sec-Fetch-Site`.
    pub(super) fn of(headers: &HeaderMap, is_allowed: impl Fn(&HeaderValue) -> bool) -> Self {
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        if origins.peek().is_some() {
            return if origins.all(is_allowed) {
                Self::Allowed
            } else {
                Self::Foreign
            };
        }
        let is_own = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
        match headers.get_all("sec-fetch-site").iter().all(is_own) {
            true => Self::None,
            false => Self::Foreign,
        }
    }
}

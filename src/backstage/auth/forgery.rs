//! Changes that a page of another site makes a browser ask for, with the browser's cookie or with nothing at all.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use super::token;
use crate::{
    backstage::error::BackstageError,
    infra::http_server::{CallerSite, body::has_json_type},
};

/// Refuses a change without a token in its header when a page of another origin may stand behind it. A page that is not
/// let in can't send JSON without asking first, and can't add a token at all.
///
/// # Errors
/// 403 for another origin, 415 for what is not JSON.
pub(super) fn refuse(request: &Request<Body>) -> Result<(), BackstageError> {
    let (method, headers) = (request.method(), request.headers());
    if method.is_safe() || token::bearer(headers).is_some() {
        return Ok(());
    }
    let site = request.extensions().get::<CallerSite>();
    if !matches!(site, Some(CallerSite::None | CallerSite::Allowed)) {
        return Err(BackstageError::not_allowed(
            "Pages of this origin may change nothing here without a token; sign in, or name the origin in backend.cors.origin",
        ));
    }
    // A browser asks before any DELETE, which has no body as a rule.
    if *method == Method::DELETE || has_json_type(headers) {
        return Ok(());
    }
    Err(BackstageError::new(
        "InputError",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Without a token a change must be sent with 'content-type: application/json'",
    ))
}

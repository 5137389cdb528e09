//! Routes every plugin has: its public keys, and the cookie for requests that cannot carry a header.

use std::sync::Arc;

use axum::{Extension, body::Body, response::IntoResponse};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::{
    LimitedAccess, PluginDoor, Principal, UserCredentials, door::KEYS_PATH, limited_token::limited_token,
    token,
};
use crate::{
    backstage::{error::BackstageError, routes::Routes},
    infra::http_server::JsonResponse,
};

const COOKIE_PATH: &str = "/.backstage/auth/v1/cookie";

/// A cookie with more than this left is not replaced, in seconds; Backstage's value.
const RENEW_WITHIN: i64 = 5 * 60;

/// Adds `GET /.backstage/auth/v1/jwks.json` and `GET`/`DELETE /.backstage/auth/v1/cookie`.
///
/// They need the plugin's door in the request's extensions, where `admit` puts it.
pub fn plugin_auth_routes(routes: Routes) -> Routes {
    routes
        .get(KEYS_PATH, public_keys)
        .get(COOKIE_PATH, issue_cookie)
        .delete(COOKIE_PATH, clear_cookie)
}

async fn public_keys(Extension(door): Extension<Arc<PluginDoor>>) -> JsonResponse {
    json(&door.authenticator.own_keys(door.plugin_id).await)
}

fn json(value: &Value) -> JsonResponse {
    JsonResponse::from_bytes(StatusCode::OK, value.to_string())
}

async fn issue_cookie(
    Extension(door): Extension<Arc<PluginDoor>>,
    UserCredentials(user): UserCredentials,
    request: Request<Body>,
) -> Result<impl IntoResponse, BackstageError> {
    if let Some(expires_at) = kept_cookie(&door, request).await? {
        return Ok((HeaderMap::new(), json(&expiry(expires_at)?)));
    }
    let (token, expires_at) = limited_token(&user)?;
    let cookie = set_cookie(&door, &token, expires_at)?;
    Ok((cookie, json(&expiry(expires_at)?)))
}

async fn clear_cookie(
    Extension(door): Extension<Arc<PluginDoor>>,
) -> Result<impl IntoResponse, BackstageError> {
    Ok((StatusCode::NO_CONTENT, set_cookie(&door, "", 0)?))
}

/// When the cookie that was sent ends, if it is a user's and good for a while.
async fn kept_cookie(door: &PluginDoor, request: Request<Body>) -> Result<Option<i64>, BackstageError> {
    let Some(token) = token::cookie(request.headers()) else {
        return Ok(None);
    };
    let authenticator = &door.authenticator;
    let visit = door.visit(LimitedAccess::Allowed, request.extensions());
    match authenticator.authenticate_token(&token, visit).await {
        Ok(credentials) if matches!(credentials.principal(), Principal::User(_)) => {
            let renew_from = authenticator.unix_seconds() as i64 + RENEW_WITHIN;
            Ok(credentials.expires_at().filter(|end| *end > renew_from))
        }
        Err(error) if error.status() != StatusCode::UNAUTHORIZED => Err(error),
        _ => Ok(None),
    }
}

fn set_cookie(door: &PluginDoor, token: &str, expires_at: i64) -> Result<HeaderMap, BackstageError> {
    let unusable = || {
        BackstageError::new(
            "Error",
            StatusCode::INTERNAL_SERVER_ERROR,
            "The cookie could not be made",
        )
    };
    let base = door.authenticator.external_base(door.plugin_id);
    let base = Url::parse(&base).map_err(|_| unusable())?;
    let cookie = cookie_text(&base, token, timestamp(expires_at)?);
    let mut value = HeaderValue::from_str(&cookie).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::SET_COOKIE, value)]))
}

/// The cookie with Backstage's attributes, in the order Express writes them.
fn cookie_text(external_base: &Url, token: &str, expires: Timestamp) -> String {
    let domain = external_base.host_str().unwrap_or_default();
    let expires = expires.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let (secure, same_site) = if external_base.scheme() == "https" || domain == "localhost" {
        (" Secure;", "None")
    } else {
        ("", "Lax")
    };
    format!(
        "{}={token}; Domain={domain}; Path=/; Expires={expires}; HttpOnly;{secure} Priority=High; SameSite={same_site}",
        token::COOKIE
    )
}

fn expiry(expires_at: i64) -> Result<Value, BackstageError> {
    let text = timestamp(expires_at)?
        .strftime("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string();
    Ok(json!({ "expiresAt": text }))
}

fn timestamp(seconds: i64) -> Result<Timestamp, BackstageError> {
    Timestamp::from_second(seconds)
        .map_err(|_| BackstageError::authentication("The expiry of the token is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_secure_on_https_and_on_localhost_only() {
        for (base, attributes) in [
            (
                "https://portal.example.com/api/x",
                "Domain=portal.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Priority=High; SameSite=None",
            ),
            (
                "http://localhost:7007/api/x",
                "Domain=localhost; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Priority=High; SameSite=None",
            ),
            (
                "http://portal:7007/api/x",
                "Domain=portal; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Priority=High; SameSite=Lax",
            ),
        ] {
            let text = cookie_text(&Url::parse(base).unwrap(), "t", Timestamp::UNIX_EPOCH);
            assert_eq!(text, format!("backstage-auth=t; {attributes}"));
        }
    }
}

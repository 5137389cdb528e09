//! Routes every plugin has: its public keys, and the cookie for requests that cannot carry a header.

use std::sync::Arc;

use axum::{Extension, response::IntoResponse};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{
    Credentials, LimitedAccess, PluginDoor, Principal, UserCredentials,
    door::KEYS_PATH,
    token::{self, Jwt},
    user_token::{LIMITED_USER, USER},
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
    json(door.authenticator.own_keys())
}

fn json(value: &Value) -> JsonResponse {
    JsonResponse::from_bytes(StatusCode::OK, value.to_string())
}

async fn issue_cookie(
    Extension(door): Extension<Arc<PluginDoor>>,
    UserCredentials(user): UserCredentials,
    headers: HeaderMap,
) -> Result<impl IntoResponse, BackstageError> {
    if let Some(expires_at) = kept_cookie(&door, &headers).await? {
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
async fn kept_cookie(door: &PluginDoor, headers: &HeaderMap) -> Result<Option<i64>, BackstageError> {
    let Some(token) = token::cookie(headers) else {
        return Ok(None);
    };
    let authenticator = &door.authenticator;
    let known = authenticator
        .authenticate_token(door.plugin_id, &token, LimitedAccess::Allowed)
        .await;
    match known {
        Ok(credentials) if matches!(credentials.principal(), Principal::User(_)) => {
            let renew_from = authenticator.unix_seconds() as i64 + RENEW_WITHIN;
            Ok(credentials.expires_at().filter(|end| *end > renew_from))
        }
        Err(error) if error.status() != StatusCode::UNAUTHORIZED => Err(error),
        _ => Ok(None),
    }
}

/// Makes the limited token out of the full one, and says when it ends.
///
/// The issuer signed the limited token too and put the signature into `uip`; so member order and spelling must be its.
fn limited_token(user: &Credentials) -> Result<(String, i64), BackstageError> {
    let cannot = || {
        BackstageError::not_implemented(
            "No cookie can be made from this user token: it holds no limited token (claim uip). Sign in again with \
             Backstage's own auth backend",
        )
    };
    let (Some(token), Some(expires_at)) = (user.token(), user.expires_at()) else {
        return Err(cannot());
    };
    let token = token.expose_secret();
    let jwt = Jwt::parse(token).ok_or_else(cannot)?;
    match jwt.typ() {
        Some(USER) => {}
        None | Some(LIMITED_USER) => return Ok((token.to_owned(), expires_at)),
        Some(_) => {
            return Err(BackstageError::authentication(
                "Failed to create limited user token, invalid token type",
            ));
        }
    }
    let signature = jwt.text("uip").ok_or_else(cannot)?;
    let head = json_in_order(&[
        ("typ", Some(&Value::from(LIMITED_USER))),
        ("alg", jwt.header("alg")),
        ("kid", jwt.header("kid")),
    ]);
    let body = json_in_order(&["sub", "iat", "exp"].map(|name| (name, jwt.claim(name))));
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    Ok((
        format!("{}.{}.{signature}", encode(head), encode(body)),
        expires_at,
    ))
}

/// Compact JSON in the given order; what is missing is left out, as `JSON.stringify` does.
fn json_in_order(members: &[(&str, Option<&Value>)]) -> String {
    let members: serde_json::Map<String, Value> = members
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.clone())))
        .collect();
    Value::Object(members).to_string()
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
    use secrecy::SecretString;

    use super::*;
    use crate::backstage::auth::UserPrincipal;

    /// A user whose credentials hold the token of `tests/fixtures/auth/tokens.json`.
    fn user(name: &str) -> Credentials {
        let principal = Principal::User(UserPrincipal {
            user_entity_ref: "user:default/guest".to_owned(),
            actor: None,
        });
        Credentials::new(
            principal,
            Some(SecretString::from(fixture(name))),
            Some(4_102_444_800),
        )
    }

    fn fixture(name: &str) -> String {
        let text = include_str!("../../../tests/fixtures/auth/tokens.json");
        let tokens: Value = serde_json::from_str(text).unwrap();
        let token = tokens["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .find(|token| token["name"] == name);
        token.unwrap()["token"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_limited_token_is_the_one_the_issuer_signed() {
        let (token, expires_at) = limited_token(&user("user-valid")).unwrap();
        assert_eq!(token, fixture("limited-from-uip"));
        assert_eq!(expires_at, 4_102_444_800);
    }

    #[test]
    fn a_token_without_a_type_or_already_limited_is_passed_on_as_it_is() {
        for name in ["user-old-style", "limited-valid"] {
            assert_eq!(limited_token(&user(name)).unwrap().0, fixture(name));
        }
    }

    #[test]
    fn a_token_of_an_unknown_type_makes_no_cookie() {
        let error = limited_token(&user("user-old-style-typ-jwt")).unwrap_err();
        assert_eq!(
            error.message(),
            "Failed to create limited user token, invalid token type"
        );
    }

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

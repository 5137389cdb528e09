//! The limited token of a user: enough to say who it is, and nothing that lets one sign in anywhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{
    Credentials,
    token::Jwt,
    user_token::{LIMITED_USER, USER},
};
use crate::backstage::error::BackstageError;

/// Makes the limited token out of the full one, and says when it ends.
///
/// The issuer signed the limited token too and put the signature into `uip`; so member order and spelling must be its.
pub(super) fn limited_token(user: &Credentials) -> Result<(String, i64), BackstageError> {
    let cannot = || {
        BackstageError::not_implemented(
            "This user token holds no limited token (claim uip), which a cookie and calls in the user's name are made \
             of. Sign in again with Backstage's own auth backend",
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

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::backstage::auth::{Principal, UserPrincipal};

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
}

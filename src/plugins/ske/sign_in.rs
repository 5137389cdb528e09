//! The sign-in provider's token that a Backstage user token carries in the claim `tok`.
//!
//! The portal's sign-in resolver puts it there. Only looked for when the cluster judges by it: other tokens need not even
//! be JWTs. Tokens that one plugin makes for another leave it out (Backstage, limited user tokens).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What was found.
#[derive(Debug)]
pub(super) enum ProviderToken {
    /// The claim is not there.
    Missing,
    /// It says of itself that it is over.
    Expired,
    /// It may be sent to the cluster.
    Present(SecretString),
}

/// Looks into a token that has been verified; `now` is in Unix seconds.
pub(super) fn provider_token(verified: &SecretString, now: i64) -> ProviderToken {
    let claims = claims(verified.expose_secret());
    let token = claims.as_ref().and_then(|claims| claims["tok"].as_str());
    let Some(token) = token.filter(|token| !token.trim().is_empty()) else {
        return ProviderToken::Missing;
    };
    if is_over(token, now) {
        return ProviderToken::Expired;
    }
    ProviderToken::Present(SecretString::from(token))
}

/// Whether a JWT's own `exp` has passed; a token that is no JWT is the cluster's to judge.
fn is_over(token: &str, now: i64) -> bool {
    let end = claims(token).and_then(|claims| claims["exp"].as_f64());
    end.is_some_and(|end| end <= now as f64)
}

fn claims(jwt: &str) -> Option<Value> {
    let payload = jwt.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn found(claims: &Value) -> ProviderToken {
        provider_token(&SecretString::from(jwt(claims)), 1000)
    }

    #[test]
    fn a_token_without_the_claim_or_with_an_empty_one_has_none() {
        for claims in [
            json!({}),
            json!({"tok": ""}),
            json!({"tok": " "}),
            json!({"tok": 7}),
            json!({"tok": null}),
        ] {
            assert!(matches!(found(&claims), ProviderToken::Missing), "{claims}");
        }
        let no_jwt = provider_token(&SecretString::from("opaque"), 1000);
        assert!(matches!(no_jwt, ProviderToken::Missing));
    }

    #[test]
    fn a_provider_token_that_ended_is_expired_from_the_second_it_names() {
        for (exp, over) in [(999, true), (1000, true), (1001, false)] {
            let token = found(&json!({ "tok": jwt(&json!({"exp": exp})) }));
            assert_eq!(matches!(token, ProviderToken::Expired), over, "{exp}");
        }
    }

    #[test]
    fn a_provider_token_that_is_no_jwt_or_has_no_end_is_the_clusters_to_judge() {
        for tok in ["opaque".to_owned(), jwt(&json!({})), "a.%%%.c".to_owned()] {
            assert!(
                matches!(found(&json!({"tok": tok})), ProviderToken::Present(_)),
                "{tok}"
            );
        }
    }
}

//! What the claims must say: presence, times without leeway, audience and issuer.

use serde_json::Value;

use super::{refusal::Refusal, token::Jwt};

/// Checks that the claims are there and that now is between `nbf` and `exp`.
///
/// As in the library Backstage uses: times must be numbers, a token is refused in the second its `exp` names, and an
/// `iat` in the future is nobody's business.
pub(super) fn check(jwt: &Jwt<'_>, now: f64, required: &[&'static str]) -> Result<(), Refusal> {
    if !jwt.has_claims() {
        return Err(Refusal::Malformed);
    }
    if let Some(missing) = required.iter().find(|name| jwt.claim(name).is_none()) {
        return Err(Refusal::MissingClaim(missing));
    }
    time(jwt, "iat")?;
    if time(jwt, "nbf")?.is_some_and(|from| from > now) {
        return Err(Refusal::NotYetValid);
    }
    if time(jwt, "exp")?.is_some_and(|end| end <= now) {
        return Err(Refusal::Expired);
    }
    Ok(())
}

/// Checks that `aud` is, or is a list that holds, one of the accepted audiences.
pub(super) fn check_audience<T: AsRef<str>>(jwt: &Jwt<'_>, accepted: &[T]) -> Result<(), Refusal> {
    let ours = |value: &Value| value.as_str().is_some_and(|text| is_one_of(text, accepted));
    let fits = match jwt.claim("aud") {
        Some(Value::Array(audiences)) => audiences.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if fits { Ok(()) } else { Err(Refusal::Audience) }
}

/// Checks that `iss` is one of the accepted issuers.
pub(super) fn check_issuer<T: AsRef<str>>(jwt: &Jwt<'_>, accepted: &[T]) -> Result<(), Refusal> {
    match jwt.text("iss") {
        Some(issuer) if is_one_of(issuer, accepted) => Ok(()),
        _ => Err(Refusal::Issuer),
    }
}

fn is_one_of<T: AsRef<str>>(text: &str, accepted: &[T]) -> bool {
    accepted.iter().any(|one| one.as_ref() == text)
}

fn time(jwt: &Jwt<'_>, name: &'static str) -> Result<Option<f64>, Refusal> {
    match jwt.claim(name) {
        None => Ok(None),
        Some(_) => jwt.number(name).map(Some).ok_or(Refusal::NotANumber(name)),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn verdict(claims: &Value, required: &[&'static str]) -> Result<(), Refusal> {
        let token = format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()));
        check(&Jwt::parse(&token).unwrap(), 1000.0, required)
    }

    #[test]
    fn a_token_is_refused_in_the_second_its_exp_names() {
        assert_eq!(verdict(&json!({"exp": 1001}), &[]), Ok(()));
        assert_eq!(verdict(&json!({"exp": 1000}), &[]), Err(Refusal::Expired));
        assert_eq!(verdict(&json!({"exp": 1000.5}), &[]), Ok(()));
        assert_eq!(verdict(&json!({"exp": -1}), &[]), Err(Refusal::Expired));
    }

    #[test]
    fn a_token_is_valid_from_the_second_its_nbf_names() {
        assert_eq!(verdict(&json!({"nbf": 1000}), &[]), Ok(()));
        assert_eq!(verdict(&json!({"nbf": 1001}), &[]), Err(Refusal::NotYetValid));
    }

    #[test]
    fn times_that_are_not_numbers_are_refused_even_where_they_are_not_required() {
        for name in ["exp", "nbf", "iat"] {
            for value in [json!("1"), json!(null), json!([2000]), json!(true)] {
                let refused = verdict(&json!({ name: value }), &[]);
                assert!(matches!(refused, Err(Refusal::NotANumber(_))), "{name} {value}");
            }
        }
    }

    #[test]
    fn a_required_claim_must_be_there() {
        assert_eq!(verdict(&json!({}), &["sub"]), Err(Refusal::MissingClaim("sub")));
        assert_eq!(verdict(&json!({"sub": ""}), &["sub"]), Ok(()));
    }
}

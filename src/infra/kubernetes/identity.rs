//! As whom one call is made.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

use super::error::KubernetesError;

/// Kubernetes' headers of impersonation ("Authenticating", User impersonation).
const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");
const IMPERSONATE_GROUP: HeaderName = HeaderName::from_static("impersonate-group");

/// Whose rights the API server applies to a call.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Our own account's.
    Account,
    /// Those of the person the token belongs to.
    Token(SecretString),
    /// Those of somebody our account speaks for.
    Impersonated(Impersonated),
}

/// A user our account is allowed to speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonated {
    /// The user name the cluster knows.
    pub user: String,
    /// The user's groups; the API server adds `system:authenticated`.
    pub groups: Vec<String>,
}

impl Impersonated {
    /// Adds the headers that make the API server judge this user.
    ///
    /// # Errors
    /// A name that no header can carry; it must not be left out, because that would widen the rights.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) -> Result<(), KubernetesError> {
        headers.insert(IMPERSONATE_USER, plain(&self.user)?);
        for group in &self.groups {
            headers.append(IMPERSONATE_GROUP, plain(group)?);
        }
        Ok(())
    }
}

/// Adds a bearer token, marked so that no debug output shows it.
pub(super) fn add_bearer(headers: &mut HeaderMap, token: &SecretString) -> Result<(), KubernetesError> {
    let token = token.expose_secret().trim();
    // Without a token the server would take the call for an anonymous one.
    if token.is_empty() {
        return Err(KubernetesError::UnusableIdentity);
    }
    let text = format!("Bearer {token}");
    let mut value = HeaderValue::try_from(text).map_err(|_| KubernetesError::UnusableIdentity)?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

fn plain(name: &str) -> Result<HeaderValue, KubernetesError> {
    let usable = !name.is_empty() && name.trim() == name && name.is_ascii();
    let value = HeaderValue::from_str(name).ok().filter(|_| usable);
    value.ok_or(KubernetesError::UnusableIdentity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impersonated(user: &str, groups: &[&str]) -> Result<HeaderMap, KubernetesError> {
        let mut headers = HeaderMap::new();
        let user = Impersonated {
            user: user.to_owned(),
            groups: groups.iter().map(ToString::to_string).collect(),
        };
        user.add_to(&mut headers).map(|()| headers)
    }

    #[test]
    fn each_group_is_a_header_of_its_own() {
        let headers = impersonated("jane", &["a", "b"]).unwrap();
        assert_eq!(headers["impersonate-user"], "jane");
        assert_eq!(headers.get_all("impersonate-group").iter().count(), 2);
    }

    #[test]
    fn a_name_that_a_header_cannot_carry_fails_the_call_instead_of_being_left_out() {
        for user in [
            "",
            " jane",
            "jane\n",
            "jané",
            "a\r\nImpersonate-Group: system:masters",
        ] {
            assert!(impersonated(user, &[]).is_err(), "{user:?}");
            assert!(impersonated("jane", &[user]).is_err(), "{user:?}");
        }
    }

    #[test]
    fn a_token_is_marked_sensitive_and_loses_the_line_end_of_its_file() {
        let mut headers = HeaderMap::new();
        add_bearer(&mut headers, &SecretString::from("abc\n")).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer abc");
        assert!(headers[AUTHORIZATION].is_sensitive());
        for none in ["a\nb", "", " \n"] {
            assert!(
                add_bearer(&mut headers, &SecretString::from(none)).is_err(),
                "{none:?}"
            );
        }
    }
}

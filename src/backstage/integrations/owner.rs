//! The account a repository belongs to.

use std::fmt;

use super::error::GitHubError;

/// Far above GitHub's 39 characters, and GHES allows no more.
const MAX_LENGTH: usize = 100;

/// A user or an organisation, as the first part of a repository's path names it; GitHub ignores its case.
#[derive(Debug, Clone)]
pub struct Owner(String);

impl Owner {
    /// Checks a name.
    ///
    /// # Errors
    /// It holds anything but letters, digits, `-`, `_` and `.`, so that it could lead to another address.
    pub fn parse(name: &str) -> Result<Self, GitHubError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = (1..=MAX_LENGTH).contains(&name.len()) && name != "." && name != "..";
        if is_name && name.bytes().all(fits) {
            Ok(Self(name.to_owned()))
        } else {
            Err(GitHubError::NotAnOwner)
        }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the account of that name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_plain_name_whatever_its_case() {
        for name in ["acme", "Acme-Corp", "a.b_c", "0"] {
            assert_eq!(Owner::parse(name).unwrap().as_str(), name);
        }
        assert!(Owner::parse("Acme").unwrap().is("aCME"));
        assert!(!Owner::parse("acme").unwrap().is("acme2"));
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_is_refused_and_not_repeated() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for name in ["", ".", "..", "a/b", "a%2fb", "a?b", "a b", "é", "a\r\nb", &long] {
            let problem = Owner::parse(name).unwrap_err().to_string();
            assert!(name.len() < 2 || !problem.contains(name), "{problem}");
        }
    }
}

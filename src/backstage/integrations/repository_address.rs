//! Which repository of which code host, from the forms in which portals write it.

use std::fmt;

use url::form_urlencoded;

use super::fields::is_authority;

/// Far above what the hosts allow; GitLab nests groups twenty deep.
const LONGEST: usize = 500;

/// A repository: host, owner and name. Each part is plain, so that it can become part of an address.
///
/// Equal only when spelt alike; the hosts ignore case, see [`RepositoryAddress::is`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryAddress {
    host: String,
    owner: String,
    repo: String,
}

/// Why a text is not the address it should be. The text is not repeated: it may hold a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No repository.
    #[error(
        "the repository must be written as 'github.com?owner=O&repo=R' or 'https://github.com/O/R', with letters, \
         digits, '-', '_' and '.' in its parts, and without a user name, a password or anything else"
    )]
    NotARepository,
    /// No pull request.
    #[error(
        "the pull request must be written as 'https://github.com/O/R/pull/1' or \
         'https://gitlab.com/O/R/-/merge_requests/1', without a user name, a password, a query or anything else"
    )]
    NotAPullRequest,
    /// The host is not one we know.
    #[error(
        "no entry of integrations.github or integrations.gitlab is for the host '{0}'; add one if it should be"
    )]
    UnknownHost(String),
}

impl RepositoryAddress {
    /// Takes the parts.
    ///
    /// # Errors
    /// One of them is not plain.
    pub fn new(host: &str, owner: &str, repo: &str) -> Result<Self, AddressError> {
        let host = host.to_ascii_lowercase();
        let fits = is_authority(&host) && owner.split('/').all(is_plain) && is_plain(repo);
        if !fits || host.len() + owner.len() + repo.len() > LONGEST {
            return Err(AddressError::NotARepository);
        }
        Ok(Self {
            host,
            owner: owner.to_owned(),
            repo: repo.to_owned(),
        })
    }

    /// Reads the form of the scaffolder's field (`host?owner=O&repo=R`, other parameters are not looked at) or an
    /// address of https, with or without `.git`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("https://") {
            Some(rest) => Self::from_address(rest),
            None => Self::from_picker(text),
        }
    }

    fn from_address(rest: &str) -> Result<Self, AddressError> {
        let (host, path) = rest.split_once('/').ok_or(AddressError::NotARepository)?;
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let (owner, repo) = path.rsplit_once('/').ok_or(AddressError::NotARepository)?;
        Self::new(host, owner, repo)
    }

    fn from_picker(text: &str) -> Result<Self, AddressError> {
        let (host, query) = text.split_once('?').ok_or(AddressError::NotARepository)?;
        let one = |wanted: &str| {
            let pairs = form_urlencoded::parse(query.as_bytes());
            let mut values = pairs.filter(|(name, _)| name == wanted);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(value.into_owned()),
                _ => Err(AddressError::NotARepository),
            }
        };
        Self::new(host, &one("owner")?, &one("repo")?)
    }

    /// The host, with its port if it has one, in small letters.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The account, or the groups with slashes between.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// Whether both are the same repository for their host, which ignores case.
    pub fn is(&self, other: &Self) -> bool {
        self.host == other.host
            && self.owner.eq_ignore_ascii_case(&other.owner)
            && self.repo.eq_ignore_ascii_case(&other.repo)
    }

    /// As the scaffolder's field writes it.
    pub fn picker(&self) -> String {
        format!("{}?owner={}&repo={}", self.host, self.owner, self.repo)
    }
}

impl fmt::Display for RepositoryAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.host, self.owner, self.repo)
    }
}

fn is_plain(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        RepositoryAddress::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_repository_is_read_in_the_pickers_form_and_as_an_address() {
        for (text, wanted) in [
            ("github.com?owner=O&repo=R", "github.com/O/R"),
            ("GitHub.com?repo=R&owner=O&workspace=w", "github.com/O/R"),
            ("gitlab.com?owner=a%2Fb&repo=p", "gitlab.com/a/b/p"),
            (
                "gitlab.example.com:8443?owner=a/b&repo=p",
                "gitlab.example.com:8443/a/b/p",
            ),
            ("https://github.com/O/R", "github.com/O/R"),
            ("https://github.com/O/R.git", "github.com/O/R"),
            ("https://gitlab.com/a/b/c/p.git/", "gitlab.com/a/b/c/p"),
        ] {
            assert_eq!(parsed(text), wanted, "{text}");
        }
        let address = RepositoryAddress::parse("gitlab.com?owner=a%2Fb&repo=p").unwrap();
        assert_eq!(address.picker(), "gitlab.com?owner=a/b&repo=p");
        assert!(address.is(&RepositoryAddress::parse("https://gitlab.com/A/B/P").unwrap()));
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_repository_and_is_not_repeated() {
        for text in [
            "",
            "github.com",
            "github.com?owner=O",
            "github.com?owner=O&owner=P&repo=R",
            "github.com?owner=..&repo=R",
            "github.com?owner=O&repo=a%2Fb",
            "github.com?owner=O&repo=R%3Fx",
            "github.com@evil.test?owner=O&repo=R",
            "github.com/x?owner=O&repo=R",
            "https://canary:secret@github.com/O/R",
            "https://github.com/O/R?x=canary",
            "https://github.com/O/R#canary",
            "https://github.com/O/../R",
            "https://github.com/O/%2e%2e/R",
            "https://github.com\\@evil.test/O/R",
            "https://github.com/R",
            "http://github.com/O/R",
            "ssh://git@github.com/O/R",
            "git@github.com:O/R",
            "https://github.com//R",
        ] {
            let problem = RepositoryAddress::parse(text).unwrap_err().to_string();
            assert!(!problem.contains("canary"), "{text}");
        }
    }
}

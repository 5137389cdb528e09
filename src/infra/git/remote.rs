//! The address of a repository and the name of its branch.

use std::fmt;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::infra::http_client::is_loopback;

/// Bytes of the digest in a mirror's folder name: enough that no two addresses meet.
const DIGEST_BYTES: usize = 8;

/// Where a repository lives: https, or plain http on this machine, and nothing secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUrl(Url);

/// A branch that commits may be pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchName(String);

/// Why an address or a branch is not used. Repeats neither, since an address may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// Not an absolute URL with a host and a path.
    #[error("is not the URL of a Git repository, such as `https://git.example.com/team/state.git`")]
    NotAnAddress,
    /// A credential would travel in the open.
    #[error("must begin with https:// (http:// is for this machine alone)")]
    NotSecure,
    /// A credential would be stored with it.
    #[error("must hold no user name and no password; give them as separate settings")]
    HoldsCredentials,
    /// Something after the path.
    #[error("must have no query and no fragment")]
    HoldsMore,
    /// Not a branch by Git's rules.
    #[error("is not a valid branch name")]
    NotABranch,
}

impl RemoteUrl {
    /// Checks an address.
    ///
    /// # Errors
    /// It is none, is not https (or http on this machine), or holds more than host, port and path.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let url = Url::parse(text).map_err(|_| RemoteError::NotAnAddress)?;
        if url.host_str().is_none() || url.path().trim_matches('/').is_empty() {
            return Err(RemoteError::NotAnAddress);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(RemoteError::NotSecure),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RemoteError::HoldsCredentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RemoteError::HoldsMore);
        }
        Ok(Self(url))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// A folder name of its own for each repository and branch.
    pub(super) fn folder_name(&self, branch: &BranchName) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.as_str(), branch.as_str()));
        let readable = self
            .host()
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        format!("{readable}-{}", hex::encode(&digest[..DIGEST_BYTES]))
    }
}

impl BranchName {
    /// Checks a name, given without `refs/heads/`.
    ///
    /// # Errors
    /// Git would refuse it.
    pub fn parse(name: &str) -> Result<Self, RemoteError> {
        let valid = git2::Branch::name_is_valid(name).unwrap_or(false) && !name.starts_with("refs/");
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(RemoteError::NotABranch)
        }
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference, such as `refs/heads/main`.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_taken_and_http_only_on_this_machine() {
        for url in [
            "https://git.example.com/team/state.git",
            "https://git.example.com:8443/state",
            "http://127.0.0.1:3000/state.git",
            "http://localhost/state.git",
            "http://[::1]:1/state.git",
        ] {
            assert_eq!(RemoteUrl::parse(url).unwrap().as_str(), url);
        }
        for url in [
            "http://git.example.com/a",
            "ssh://git@host/a",
            "git://host/a",
            "file:///srv/a",
        ] {
            assert!(RemoteUrl::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_with_a_credential_is_refused_and_not_repeated() {
        let problem = RemoteUrl::parse("https://robot:hunter2@git.example.com/a").unwrap_err();
        assert_eq!(problem, RemoteError::HoldsCredentials);
        assert!(!problem.to_string().contains("hunter2"));
        assert!(RemoteUrl::parse("https://hunter2@git.example.com/a").is_err());
        assert!(RemoteUrl::parse("https://git.example.com/a?token=hunter2").is_err());
    }

    #[test]
    fn branches_follow_gits_rules() {
        for name in ["main", "team/state", "v1.2"] {
            assert_eq!(
                BranchName::parse(name).unwrap().reference(),
                format!("refs/heads/{name}")
            );
        }
        for name in [
            "",
            "a..b",
            "a b",
            "-a",
            "a~1",
            "a.lock",
            "HEAD",
            "refs/heads/main",
            "a/",
            "@{u}",
        ] {
            assert!(BranchName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn two_repositories_never_share_a_folder() {
        let name = |url: &str, branch: &str| {
            let branch = BranchName::parse(branch).unwrap();
            RemoteUrl::parse(url).unwrap().folder_name(&branch)
        };
        let names = [
            name("https://git.example.com/a", "main"),
            name("https://git.example.com/a", "next"),
            name("https://git.example.com/b", "main"),
        ];
        assert!(names[0].starts_with("git-example-com-"), "{names:?}");
        assert!(names[0] != names[1] && names[0] != names[2]);
    }
}

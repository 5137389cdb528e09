//! Which pull or merge request, from the address of its page. It is parsed, never fetched.

use url::Url;

use super::{
    all::Integrations,
    fields::authority,
    repository_address::{AddressError, RepositoryAddress},
};

/// Far above any number there is; more digits are no number of a pull request.
const MOST_DIGITS: usize = 12;

/// A pull request of GitHub or a merge request of GitLab.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PullRequestAddress {
    /// Where it is.
    pub repository: RepositoryAddress,
    /// Its number there.
    pub number: u64,
}

impl PullRequestAddress {
    /// Reads the address of its page: https, on the exact host of an entry, in that host's own form and with nothing
    /// more.
    ///
    /// # Errors
    /// Anything else. A text that is refused is not repeated, except for a plain host.
    pub fn parse(url: &str, integrations: &Integrations) -> Result<Self, AddressError> {
        let rest = url
            .strip_prefix("https://")
            .filter(|rest| rest.bytes().all(is_plain));
        let (host, path) = rest
            .and_then(|rest| rest.split_once('/'))
            .ok_or(AddressError::NotAPullRequest)?;
        let host = host.to_ascii_lowercase();
        let mut found = Err(AddressError::UnknownHost(host.clone()));
        if integrations.github.iter().any(|entry| entry.host == host) {
            found = of_github(&host, path);
        }
        for entry in &integrations.gitlab {
            if found.is_err() && authority(&entry.base_url) == host {
                found = of_gitlab(&entry.host, &entry.base_url, path);
            }
        }
        found
    }
}

/// `{owner}/{repo}/pull/{number}`
fn of_github(host: &str, path: &str) -> Result<PullRequestAddress, AddressError> {
    match path.split('/').collect::<Vec<_>>()[..] {
        [owner, repo, "pull", number] => of_parts(RepositoryAddress::new(host, owner, repo), number),
        _ => Err(AddressError::NotAPullRequest),
    }
}

/// `{group/…}/{project}/-/merge_requests/{number}` below the path of the server's own address.
fn of_gitlab(host: &str, base: &Url, path: &str) -> Result<PullRequestAddress, AddressError> {
    let below = base.path().trim_matches('/');
    let path = match below {
        "" => Some(path),
        below => path.strip_prefix(below).and_then(|rest| rest.strip_prefix('/')),
    };
    let parts = path.and_then(|path| {
        let (project, number) = path.split_once("/-/merge_requests/")?;
        let (owner, repo) = project.rsplit_once('/')?;
        Some((owner, repo, number))
    });
    let (owner, repo, number) = parts.ok_or(AddressError::NotAPullRequest)?;
    of_parts(RepositoryAddress::new(host, owner, repo), number)
}

fn of_parts(
    repository: Result<RepositoryAddress, AddressError>,
    number: &str,
) -> Result<PullRequestAddress, AddressError> {
    let is_number = number.len() <= MOST_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number
        .parse()
        .ok()
        .filter(|_| is_number && !number.starts_with('0'));
    match (repository, number) {
        (Ok(repository), Some(number)) => Ok(PullRequestAddress { repository, number }),
        _ => Err(AddressError::NotAPullRequest),
    }
}

/// No escape, query, fragment, user name or backslash: nothing that two readers could read differently.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{integrations, loaded},
        *,
    };

    const ENTRIES: &str = "integrations:\n  github:\n    - host: github.com\n    - host: ghe.example.com:8443\n  gitlab:\n    \
                           - host: gitlab.com\n    - { host: git.example.com, baseUrl: 'https://git.example.com/gitlab/' }\n";

    async fn parse(url: &str) -> Result<PullRequestAddress, AddressError> {
        PullRequestAddress::parse(url, &integrations(&loaded(ENTRIES, &[]).await).0)
    }

    #[tokio::test]
    async fn a_pull_request_is_read_in_the_form_of_its_host() {
        for (url, repository, number) in [
            ("https://github.com/O/R/pull/12", "github.com/O/R", 12),
            (
                "https://GHE.example.com:8443/O/R/pull/1",
                "ghe.example.com:8443/O/R",
                1,
            ),
            (
                "https://gitlab.com/a/b/p/-/merge_requests/7",
                "gitlab.com/a/b/p",
                7,
            ),
            (
                "https://git.example.com/gitlab/a/p/-/merge_requests/7",
                "git.example.com/a/p",
                7,
            ),
        ] {
            let parsed = parse(url).await.unwrap();
            assert_eq!(
                (parsed.repository.to_string().as_str(), parsed.number),
                (repository, number)
            );
        }
    }

    #[tokio::test]
    async fn what_is_not_exactly_that_is_refused_and_not_repeated() {
        for url in [
            "http://github.com/O/R/pull/12",
            "https://canary:x@github.com/O/R/pull/12",
            "https://canary@github.com/O/R/pull/12",
            "https://github.com/O/R/pull/12?canary=1",
            "https://github.com/O/R/pull/12#canary",
            "https://github.com/O/R/pull/12/files",
            "https://github.com/O/R/pull/12/",
            "https://github.com/O/R/pull/012",
            "https://github.com/O/R/pull/0",
            "https://github.com/O/R/pull/-1",
            "https://github.com/O/R/pull/9999999999999",
            "https://github.com/O/R/pull/",
            "https://github.com/O/R/issues/12",
            "https://github.com/O/../R/pull/12",
            "https://github.com/O%2fR/x/pull/12",
            "https://github.com\\@evil.test/O/R/pull/12",
            "https://github.com/O/R/-/merge_requests/12",
            "https://gitlab.com/O/R/pull/12",
            "https://gitlab.com/p/-/merge_requests/7",
            "https://gitlab.com/a/p/merge_requests/7",
            "https://gitlab.com/a/p/-/merge_requests/7/-/merge_requests/8",
            "https://git.example.com/a/p/-/merge_requests/7",
            "https://git.example.com/gitlabx/a/p/-/merge_requests/7",
            "canary",
            "",
        ] {
            let problem = parse(url).await.unwrap_err();
            assert_eq!(problem, AddressError::NotAPullRequest, "{url}");
            assert!(!problem.to_string().contains("canary"), "{url}");
        }
    }

    #[tokio::test]
    async fn a_host_without_an_entry_is_refused_by_name() {
        for (url, host) in [
            ("https://evil.test/O/R/pull/12", "evil.test"),
            ("https://github.com.evil.test/O/R/pull/12", "github.com.evil.test"),
            ("https://github.com:444/O/R/pull/12", "github.com:444"),
            ("https://ghe.example.com/O/R/pull/12", "ghe.example.com"),
        ] {
            assert_eq!(parse(url).await, Err(AddressError::UnknownHost(host.to_owned())));
        }
    }
}

//! Why a code host did not do what it was asked, in words that name the cure.

use std::time::Duration;

use http::StatusCode;

use super::super::error::{GitHubError, Said};

/// Holds no secret; the host's own words are shortened, and left out when they repeat what we sent.
///
/// `api` is the host of the API with its key (`api.github.com (integrations.github[0].apiBaseUrl)`), `repository` a
/// repository with its host, `credential` where the credential comes from.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    /// Nothing in `integrations` is for the host.
    #[error(
        "no entry of integrations.github or integrations.gitlab is for the host '{0}'; add one if it should be"
    )]
    UnknownHost(String),
    /// The entry has no credential.
    #[error("{0} has no token; set {0}.token")]
    NoCredential(String),
    /// An App or the entry gives no credential for GitHub.
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    /// The host does not show the repository, which it also says of those that the credential does not cover.
    #[error(
        "{repository} does not exist for {credential}, which means that the token or App does not cover it: give it \
         access to the repository, or check owner and name"
    )]
    NotCovered {
        /// The repository.
        repository: String,
        /// Whose credential.
        credential: String,
    },
    /// The repository can be seen, the pull request cannot.
    #[error("{repository} has no pull request {number}")]
    NoPullRequest {
        /// The repository.
        repository: String,
        /// The number that was asked for.
        number: u64,
    },
    /// The credential is not good any more.
    #[error("{api} did not accept {credential}; check that it is right and has not expired{said}")]
    CredentialRefused {
        /// Where it was asked.
        api: String,
        /// Whose credential.
        credential: String,
        /// The host's words.
        said: Said,
    },
    /// The credential is known and may not do this.
    #[error(
        "{credential} may not do this in {repository}; give it the right to write contents and pull requests{said}"
    )]
    NotPermitted {
        /// The repository.
        repository: String,
        /// Whose credential.
        credential: String,
        /// The host's words.
        said: Said,
    },
    /// Asked too often, by whomever.
    #[error("{api} limits how often it may be asked; it can be asked again in {} seconds{said}", wait.as_secs().max(1))]
    RateLimited {
        /// Where it was asked.
        api: String,
        /// How long the host wants to be left alone.
        wait: Duration,
        /// The host's words.
        said: Said,
    },
    /// A rule of the host, or a state that forbids it.
    #[error("{api} refused this for {repository} with status {}{said}", status.as_u16())]
    Refused {
        /// Where it was asked.
        api: String,
        /// The repository.
        repository: String,
        /// The status.
        status: StatusCode,
        /// The host's words.
        said: Said,
    },
    /// The host fails.
    #[error("{api} fails with status {}; try again later{said}", status.as_u16())]
    Unavailable {
        /// Where it was asked.
        api: String,
        /// The status.
        status: StatusCode,
        /// The host's words.
        said: Said,
    },
    /// It sends elsewhere, where the credential must not go.
    #[error(
        "{api} redirects to another address, which is not followed; if {repository} was renamed or moved, use its new \
         name, else configure the address it redirects to"
    )]
    Redirected {
        /// Where it was asked.
        api: String,
        /// The repository.
        repository: String,
    },
    /// No connection, or none to the right one.
    #[error("{api} {what}")]
    Unreachable {
        /// Where it was asked.
        api: String,
        /// What happened and what to do.
        what: &'static str,
    },
    /// No answer in time.
    #[error("{api} did not answer within {} seconds; try again", limit.as_secs())]
    TimedOut {
        /// Where it was asked.
        api: String,
        /// How long we waited.
        limit: Duration,
    },
    /// More than is read of one answer.
    #[error("{api} sent more than {limit} bytes, which is more than is read")]
    TooLong {
        /// Where it was asked.
        api: String,
        /// How much is read.
        limit: usize,
    },
    /// The answer makes no sense.
    #[error("{api} gave an answer that such a server does not give ({what}); check the address")]
    Malformed {
        /// Where it was asked.
        api: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl HostError {
    /// How long the host wants to be left alone, if it said so.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait, .. } | Self::GitHub(GitHubError::RateLimited { wait, .. }) => {
                Some(*wait)
            }
            _ => None,
        }
    }

    /// Whether the host refused with this status and one of these words, written in small letters.
    pub(super) fn is_refusal(&self, wanted: StatusCode, words: &[&str]) -> bool {
        match self {
            Self::Refused {
                status,
                said: Said(Some(said)),
                ..
            } if *status == wanted => {
                let said = said.to_lowercase();
                words.iter().any(|words| said.contains(words))
            }
            _ => false,
        }
    }

    /// The same limit, told later.
    pub(super) fn with_wait(self, left: Duration) -> Self {
        match self {
            Self::RateLimited { api, said, .. } => Self::RateLimited {
                api,
                wait: left,
                said,
            },
            other => other,
        }
    }
}

//! Why there is no credential for GitHub, in words that name the cure.

use std::time::Duration;

use http::StatusCode;

/// Holds no secret; GitHub's own words are shortened, and left out when they repeat what we sent.
///
/// `app` is an App with its key (`App 1 (integrations.github[0].apps[0])`), `api` the host of the API with its key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GitHubError {
    /// Not the name of an account. It is not repeated.
    #[error(
        "the repository's owner is not the name of a GitHub account, which has letters, digits, '-', '_' and '.' only"
    )]
    NotAnOwner,
    /// Nothing configured covers the owner.
    #[error("{key} has no credential for '{owner}': {why}")]
    NoCredential {
        /// The entry.
        key: String,
        /// Whose repository it is.
        owner: String,
        /// What each App lacks, and the cures.
        why: String,
    },
    /// The owner has switched the App off.
    #[error(
        "{app} is suspended for '{owner}'; an administrator of '{owner}' can lift that among its installed GitHub Apps"
    )]
    Suspended {
        /// The App.
        app: String,
        /// Whose repository it is.
        owner: String,
    },
    /// There is no App with this number.
    #[error("GitHub knows no {app}; check its appId, and that it belongs to {api}")]
    UnknownApp {
        /// The App.
        app: String,
        /// Where it was asked.
        api: String,
    },
    /// The signature is not that of the App.
    #[error(
        "GitHub did not accept the signature of {app}; check that its privateKey belongs to its appId{said}"
    )]
    KeyRefused {
        /// The App.
        app: String,
        /// GitHub's words.
        said: Said,
    },
    /// Our token is dated too far from GitHub's time.
    #[error("GitHub does not accept the time at which {app} signed; set the clock of this machine{said}")]
    ClockOff {
        /// The App.
        app: String,
        /// GitHub's words.
        said: Said,
    },
    /// The private key cannot sign.
    #[error("the privateKey of {app} is not an RSA private key in PEM")]
    UnusableKey {
        /// The App.
        app: String,
    },
    /// Asked too often, by whomever.
    #[error(
        "GitHub limits how often {app} may ask; it can be asked again in {} seconds{said}", wait.as_secs().max(1)
    )]
    RateLimited {
        /// The App.
        app: String,
        /// How long GitHub wants to be left alone.
        wait: Duration,
        /// GitHub's words.
        said: Said,
    },
    /// Another refusal, such as that of a list of allowed addresses.
    #[error("GitHub refused {app} a token for '{owner}' with status {}{said}", status.as_u16())]
    Refused {
        /// The App.
        app: String,
        /// Whose repository it is.
        owner: String,
        /// The status.
        status: StatusCode,
        /// GitHub's words.
        said: Said,
    },
    /// GitHub fails.
    #[error("{api} fails with status {}; try again later{said}", status.as_u16())]
    Unavailable {
        /// Where it was asked.
        api: String,
        /// The status.
        status: StatusCode,
        /// GitHub's words.
        said: Said,
    },
    /// It sends elsewhere, where the credential must not go.
    #[error(
        "{api} redirects to another address, which is not followed; configure the address it redirects to, and check the owner's name"
    )]
    Redirected {
        /// Where it was asked.
        api: String,
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
    #[error("{api} did not answer within {} seconds; try again later", limit.as_secs())]
    TimedOut {
        /// Where it was asked.
        api: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The answer makes no sense.
    #[error("{api} gave an answer that GitHub does not give ({what}); check the address")]
    Malformed {
        /// Where it was asked.
        api: String,
        /// What is wrong with it.
        what: String,
    },
    /// A defect of ours.
    #[error("an internal fault ended the request for a GitHub token")]
    Internal,
}

/// GitHub's own words at the end of a sentence, if it said any that may be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(pub(super) Option<String>);

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(words) => write!(formatter, " (it says: {words})"),
            None => Ok(()),
        }
    }
}

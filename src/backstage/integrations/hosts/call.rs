//! One exchange with a code host's API: where it goes, what is shown there, and what its refusals mean.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    super::{credentials::GitHubCredentials, limits, repository_address::RepositoryAddress, unreachable},
    change::WriteError,
    error::HostError,
    words::Words,
};
use crate::infra::{
    clock::unix_seconds,
    http_client::{ReadError, read_at_most},
};

/// Time for one answer; the hosts give theirs within a second, and no person waits longer.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Largest answer read. A hundred pull requests are about 2 MB on GitHub besides their texts, a folder of thousands of
/// files less.
const MAX_ANSWER: usize = 8 << 20;

/// GitHub refuses requests without one.
const USER_AGENT: &str = concat!("stagedoor/", env!("CARGO_PKG_VERSION"));

/// GitHub's own type, of which the version below is the oldest.
const GITHUB_ACCEPT: &str = "application/vnd.github+json";

/// Every server knows this version; those before versions ignore it.
const GITHUB_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// The API of one repository's host, with the credential for it.
pub(super) struct HostApi {
    pub(super) client: reqwest::Client,
    /// Every request goes below this address, and nowhere else.
    pub(super) base: Url,
    /// Where it is configured, such as `integrations.github[0]`.
    pub(super) key: String,
    pub(super) repository: RepositoryAddress,
    pub(super) credential: Credential,
    pub(super) is_github: bool,
}

/// What is shown to the host.
pub(super) enum Credential {
    /// An App's token, or that of the entry.
    GitHub(GitHubCredentials),
    /// The token of the entry.
    Entry(SecretString),
    /// One that the caller gave.
    Callers(SecretString),
    /// None.
    Missing,
}

/// One question.
#[derive(Clone)]
pub(super) struct Ask {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    known: Option<String>,
}

/// An answer that is no refusal: a success, or that nothing has changed.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Ask {
    /// A look at the path, whose parts are encoded.
    pub(super) fn get(path: &[&str]) -> Self {
        Self {
            method: Method::GET,
            path: path.iter().map(ToString::to_string).collect(),
            query: Vec::new(),
            body: None,
            known: None,
        }
    }

    /// A change.
    pub(super) fn send(method: Method, path: &[&str], body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// A removal.
    pub(super) fn remove(path: &[&str]) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(path)
        }
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Path and parameters, to know the question again.
    pub(super) fn address(&self) -> String {
        let parameters = self.query.iter().map(|(name, value)| format!("&{name}={value}"));
        self.path
            .iter()
            .map(|part| format!("/{part}"))
            .chain(parameters)
            .collect()
    }

    /// Asks only for what differs from the answer with this tag.
    pub(super) fn unless(mut self, known: Option<String>) -> Self {
        self.known = known;
        self
    }
}

impl HostApi {
    /// Returns the answer if it is a success, `None` when there is no such thing.
    ///
    /// # Errors
    /// Every other answer, and none.
    pub(super) async fn look(&self, ask: &Ask) -> Result<Option<Answer>, HostError> {
        let mut refused = false;
        loop {
            let shown = self.token(refused).await?;
            let answer = self.exchange(ask, &shown).await?;
            let renews = matches!(self.credential, Credential::GitHub(_)) && !refused;
            if answer.status == StatusCode::UNAUTHORIZED && renews {
                refused = true;
                continue;
            }
            return self.judge(answer, &shown);
        }
    }

    async fn token(&self, refused: bool) -> Result<SecretString, HostError> {
        match &self.credential {
            Credential::GitHub(source) => Ok(source.token(refused).await?),
            Credential::Entry(token) | Credential::Callers(token) => Ok(token.clone()),
            Credential::Missing => Err(HostError::NoCredential(self.key.clone())),
        }
    }

    async fn exchange(&self, ask: &Ask, shown: &SecretString) -> Result<Answer, HostError> {
        let whole = async {
            let response = self.request(ask, shown).send().await;
            let response = response.map_err(|error| self.unreachable(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_at_most(MAX_ANSWER, response).await;
            let body = body.map_err(|error| match error {
                ReadError::TooLarge(limit) => HostError::TooLong {
                    api: self.api(),
                    limit,
                },
                ReadError::Broken(error) => self.unreachable(&error),
            })?;
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        let answer = tokio::time::timeout(LIMIT, whole).await;
        answer.unwrap_or_else(|_| {
            Err(HostError::TimedOut {
                api: self.api(),
                limit: LIMIT,
            })
        })
    }

    fn request(&self, ask: &Ask, shown: &SecretString) -> reqwest::RequestBuilder {
        let mut address = self.base.clone();
        if let Ok(mut parts) = address.path_segments_mut() {
            parts.pop_if_empty().extend(&ask.path);
        }
        if !ask.query.is_empty() {
            address.query_pairs_mut().extend_pairs(&ask.query);
        }
        let request = self
            .client
            .request(ask.method.clone(), address)
            .bearer_auth(shown.expose_secret())
            .header(header::USER_AGENT, USER_AGENT);
        let request = if self.is_github {
            request
                .header(header::ACCEPT, GITHUB_ACCEPT)
                .header(GITHUB_VERSION.0, GITHUB_VERSION.1)
        } else {
            request.header(header::ACCEPT, "application/json")
        };
        let request = match &ask.known {
            Some(known) => request.header(header::IF_NONE_MATCH, known),
            None => request,
        };
        match &ask.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn judge(&self, answer: Answer, shown: &SecretString) -> Result<Option<Answer>, HostError> {
        let status = answer.status;
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(Some(answer));
        }
        let words = Words::of(&answer.body);
        let (api, repository) = (self.api(), self.repository.to_string());
        let (credential, said) = (self.whose(), words.told(shown));
        if let Some(wait) = limits::wait(status, &answer.headers, words.say("rate limit"), unix_seconds()) {
            return Err(HostError::RateLimited { api, wait, said });
        }
        Err(match status {
            _ if status.is_redirection() => HostError::Redirected { api, repository },
            _ if status.is_server_error() => HostError::Unavailable { api, status, said },
            _ if !words.are_there() => self.malformed("a refusal without a message"),
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED => HostError::CredentialRefused {
                api,
                credential,
                said,
            },
            StatusCode::FORBIDDEN => HostError::NotPermitted {
                repository,
                credential,
                said,
            },
            _ => HostError::Refused {
                api,
                repository,
                status,
                said,
            },
        })
    }

    /// What is not found is not covered by the credential, as far as both hosts tell.
    pub(super) fn not_covered(&self) -> HostError {
        HostError::NotCovered {
            repository: self.repository.to_string(),
            credential: self.whose(),
        }
    }

    /// What is said of a branch that must be there.
    pub(super) fn branch_missing(&self, branch: &str) -> WriteError {
        WriteError::BranchMissing {
            branch: branch.to_owned(),
            repository: self.repository.to_string(),
        }
    }

    /// How GitLab names the repository in its paths: as one part.
    pub(super) fn project(&self) -> String {
        format!("{}/{}", self.repository.owner(), self.repository.repo())
    }

    /// The API's host with its key.
    pub(super) fn api(&self) -> String {
        format!("{} ({}.apiBaseUrl)", self.base.authority(), self.key)
    }

    /// Where the credential comes from.
    pub(super) fn whose(&self) -> String {
        match &self.credential {
            Credential::Callers(_) => "the token of this call".to_owned(),
            Credential::Missing | Credential::GitHub(_) | Credential::Entry(_) => {
                format!("the credential of {}", self.key)
            }
        }
    }

    pub(super) fn malformed(&self, what: &'static str) -> HostError {
        HostError::Malformed {
            api: self.api(),
            what,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> HostError {
        HostError::Unreachable {
            api: self.api(),
            what: unreachable::why(error),
        }
    }

    /// Reads the answer's JSON.
    ///
    /// # Errors
    /// It is something else; `what` says what it should have been.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        answer: &Answer,
        what: &'static str,
    ) -> Result<T, HostError> {
        serde_json::from_slice(&answer.body).map_err(|_| self.malformed(what))
    }
}

impl Answer {
    /// The tag by which the host knows it again.
    pub(super) fn tag(&self) -> Option<String> {
        let tag = self.headers.get(header::ETAG)?;
        tag.to_str().ok().map(str::to_owned)
    }
}

//! GitHub and GitLab by their REST APIs, each asked with the credential of its own entry and at its own address.

mod access;
mod call;
mod change;
mod error;
mod github;
mod gitlab;
mod quick_actions;
mod states;
mod words;
mod write;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::sync::Cache;
use tokio::{sync::Mutex, time::timeout};

use self::{
    call::{Answer, Ask, Credential, HostApi},
    states::{Look, Page},
};
use super::{
    all::{CodeHost, Integrations},
    credentials::GitHubCredentials,
    repository_address::RepositoryAddress,
};
use crate::infra::{http_client::HttpClients, tasks::Tasks};

pub use self::{
    access::{Access, Rights},
    change::{FileChange, FileCommit, Proposal, Proposed, WriteError},
    error::HostError,
    states::{Looked, PullRequestState},
};

/// Accounts whose credentials are kept ready, and hosts that want to be left alone.
const MOST_ACCOUNTS: u64 = 1_000;

/// Pages that are remembered with their tags, each of at most a hundred numbers.
const MOST_PAGES: u64 = 2_000;

/// Time for one look at a repository; the sweep has many.
const LOOK_LIMIT: Duration = Duration::from_secs(120);

/// The code hosts of one state of the configuration. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct CodeHosts {
    integrations: Arc<Integrations>,
    http: HttpClients,
    tasks: Tasks,
    /// By host and owner, so that an App's token serves all their repositories.
    accounts: Cache<(String, String), GitHubCredentials>,
    pages: Cache<String, Page>,
    /// Until when an account, or a host with one token for all, is left alone, and what it said.
    resting: Cache<(String, String), (Instant, HostError)>,
    /// Who writes to a branch.
    writers: Cache<String, Arc<Mutex<()>>>,
}

impl std::fmt::Debug for CodeHosts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CodeHosts")
            .field("integrations", &self.integrations)
            .finish_non_exhaustive()
    }
}

impl CodeHosts {
    /// Prepares the hosts; asks nobody.
    pub fn new(integrations: Integrations, http: &HttpClients, tasks: &Tasks) -> Self {
        Self {
            integrations: Arc::new(integrations),
            http: http.clone(),
            tasks: tasks.clone(),
            accounts: Cache::new(MOST_ACCOUNTS),
            pages: Cache::new(MOST_PAGES),
            resting: Cache::new(MOST_ACCOUNTS),
            writers: Cache::new(MOST_ACCOUNTS),
        }
    }

    /// The entries these are.
    pub fn integrations(&self) -> &Integrations {
        &self.integrations
    }

    /// Asks what became of pull requests of one repository, given in the order in which they matter: when there are
    /// very many, the last ones may have to wait for the next look.
    ///
    /// Whoever asks many repositories spreads the looks; each ends within two minutes.
    pub async fn states(&self, repository: &RepositoryAddress, numbers: &[u64]) -> Looked {
        let mut looked = Looked::default();
        if numbers.is_empty() {
            return looked;
        }
        let api = match self.api(repository) {
            Ok(api) => api,
            Err(error) => {
                looked.trouble = Some(error);
                return looked;
            }
        };
        let look = Look {
            hosts: self,
            api: &api,
        };
        if timeout(LOOK_LIMIT, look.at(numbers, &mut looked)).await.is_err() {
            looked.trouble = Some(HostError::TimedOut {
                api: api.api(),
                limit: LOOK_LIMIT,
            });
        }
        looked
    }

    /// The API for a repository, with the credential of its host's entry.
    fn api(&self, repository: &RepositoryAddress) -> Result<HostApi, HostError> {
        let unknown = || HostError::UnknownHost(repository.host().to_owned());
        let host = self.integrations.host(repository.host()).ok_or_else(unknown)?;
        let (base, key) = match host {
            CodeHost::GitHub(entry) => (&entry.api_base_url, &entry.key),
            CodeHost::GitLab(entry) => (&entry.api_base_url, &entry.key),
        };
        let credential = match host {
            CodeHost::GitHub(entry) => {
                let account = account_of(repository);
                let made = self.accounts.try_get_with(account, || {
                    GitHubCredentials::new(entry, repository.owner(), &self.http, &self.tasks)
                });
                Credential::GitHub(made.map_err(|error| HostError::GitHub((*error).clone()))?)
            }
            CodeHost::GitLab(entry) => match &entry.token {
                Some(token) => Credential::Entry(token.clone()),
                None => Credential::Missing,
            },
        };
        Ok(HostApi {
            client: self.http.for_url(base).clone(),
            base: base.clone(),
            key: key.clone(),
            repository: repository.clone(),
            credential,
            is_github: matches!(host, CodeHost::GitHub(_)),
        })
    }

    /// As `look`, for what must be there.
    async fn ask(&self, api: &HostApi, ask: &Ask) -> Result<Answer, HostError> {
        self.look(api, ask).await?.ok_or_else(|| api.not_covered())
    }

    /// Asks, unless the account wants to be left alone. What a caller's own token runs into is the caller's alone.
    async fn look(&self, api: &HostApi, ask: &Ask) -> Result<Option<Answer>, HostError> {
        if matches!(api.credential, Credential::Callers(_)) {
            return api.look(ask).await;
        }
        let account = limited_together(api);
        if let Some((until, error)) = self.resting.get(&account) {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(error.with_wait(left));
            }
            self.resting.invalidate(&account);
        }
        let answer = api.look(ask).await;
        if let Err(error) = &answer
            && let Some(wait) = error.wait()
        {
            self.resting
                .insert(account, (Instant::now() + wait, error.clone()));
        }
        answer
    }
}

/// Who shares a limit: at GitHub an account, whose App has a token of its own; at GitLab all that one token reaches.
fn limited_together(api: &HostApi) -> (String, String) {
    let (host, account) = account_of(&api.repository);
    (host, if api.is_github { account } else { String::new() })
}

/// App tokens are by account; the hosts ignore case.
fn account_of(repository: &RepositoryAddress) -> (String, String) {
    let owner = repository.owner().to_ascii_lowercase();
    (repository.host().to_owned(), owner)
}

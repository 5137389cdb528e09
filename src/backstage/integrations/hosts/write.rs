//! Proposing and committing, whichever host it is: within bounds, one writer of a branch at a time, and anew when somebody
//! else was faster.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::timeout};

use super::{
    CodeHosts,
    call::{Credential, HostApi},
    change::{Attempt, FileCommit, Proposal, Proposed, TRIES, WriteError},
    error::HostError,
    github::GitHub,
    gitlab::GitLab,
};
use crate::backstage::integrations::repository_address::RepositoryAddress;

/// Time for all the calls of one change, which are about ten; no person waits longer.
const LIMIT: Duration = Duration::from_secs(60);

impl CodeHosts {
    /// Sees to it that a pull request with the change is open. Running it again changes nothing more: it reuses the
    /// branch and the open pull request.
    ///
    /// # Errors
    /// Nothing was changed, or only as much as running it again builds upon.
    pub async fn propose(
        &self,
        repository: &RepositoryAddress,
        proposal: &Proposal,
    ) -> Result<Proposed, WriteError> {
        let api = self.api(repository)?;
        let branch = proposal.branch.as_str();
        let work = async {
            let _one_writer = self.writer(repository, branch).await;
            let default = self.default_branch(&api).await?;
            if default.is_empty() {
                return Err(WriteError::Empty(repository.to_string()));
            }
            let target = proposal
                .target
                .as_ref()
                .map_or(default.as_str(), |target| target.as_str());
            if branch == default {
                return Err(default_branch(branch, repository));
            }
            if branch == target {
                return Err(WriteError::OwnTarget(branch.to_owned()));
            }
            for _ in 0..TRIES {
                let attempt = if api.is_github {
                    GitHub {
                        hosts: self,
                        api: &api,
                    }
                    .propose(proposal, target)
                    .await?
                } else {
                    GitLab {
                        hosts: self,
                        api: &api,
                    }
                    .propose(proposal, target)
                    .await?
                };
                if let Attempt::Done(proposed) = attempt {
                    return Ok(proposed);
                }
            }
            Err(WriteError::Contended(branch.to_owned()))
        };
        in_time(&api, work).await
    }

    /// Commits a file to a branch that is there; returns the commit that holds it.
    ///
    /// # Errors
    /// Nothing was changed, or an answer was lost: then running it again finds out.
    pub async fn commit(
        &self,
        repository: &RepositoryAddress,
        wanted: &FileCommit,
    ) -> Result<String, WriteError> {
        let mut api = self.api(repository)?;
        if let Some(token) = &wanted.token {
            api.credential = Credential::Callers(token.clone());
        }
        let branch = wanted.branch.as_str();
        let work = async {
            let _one_writer = self.writer(repository, branch).await;
            // Asked in any case: it tells a repository that is not covered from a branch that is not there.
            let default = self.default_branch(&api).await?;
            if !wanted.may_be_default && default == branch {
                return Err(default_branch(branch, repository));
            }
            for _ in 0..TRIES {
                let attempt = if api.is_github {
                    GitHub {
                        hosts: self,
                        api: &api,
                    }
                    .commit(wanted)
                    .await?
                } else {
                    GitLab {
                        hosts: self,
                        api: &api,
                    }
                    .commit(wanted)
                    .await?
                };
                if let Attempt::Done(commit) = attempt {
                    return Ok(commit);
                }
            }
            Err(WriteError::Contended(branch.to_owned()))
        };
        in_time(&api, work).await
    }

    async fn default_branch(&self, api: &HostApi) -> Result<String, HostError> {
        if api.is_github {
            GitHub { hosts: self, api }.default_branch().await
        } else {
            GitLab { hosts: self, api }.default_branch().await
        }
    }

    /// The turn of one writer of the branch among those of this process.
    async fn writer(&self, repository: &RepositoryAddress, branch: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let key = format!("{repository} {branch}").to_ascii_lowercase();
        let turn = self.writers.get_with(key, || Arc::new(Mutex::new(())));
        turn.lock_owned().await
    }
}

fn default_branch(branch: &str, repository: &RepositoryAddress) -> WriteError {
    WriteError::DefaultBranch {
        branch: branch.to_owned(),
        repository: repository.to_string(),
    }
}

async fn in_time<T>(
    api: &HostApi,
    work: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    let done = timeout(LIMIT, work).await;
    done.unwrap_or_else(|_| {
        let (api, limit) = (api.api(), LIMIT);
        Err(HostError::TimedOut { api, limit }.into())
    })
}

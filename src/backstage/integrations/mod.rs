//! Code hosts, from Backstage's `integrations` section: their credentials, their addresses, and what we ask of them.

mod all;
mod api;
mod app;
mod credentials;
mod error;
mod fields;
mod github;
#[cfg(test)]
mod github_tests;
mod gitlab;
#[cfg(test)]
mod gitlab_tests;
mod hosts;
mod installation;
mod jwt;
mod limits;
mod owner;
mod pull_request_address;
mod refusal;
mod repository_address;
#[cfg(test)]
mod testing;
mod token;
mod unreachable;

pub use self::{
    all::{CodeHost, Integrations},
    app::GitHubApp,
    credentials::GitHubCredentials,
    error::GitHubError,
    github::GitHubIntegration,
    gitlab::GitLabIntegration,
    hosts::{
        Access, CodeHosts, FileChange, FileCommit, HostError, Looked, Proposal, Proposed, PullRequestState,
        Rights, WriteError,
    },
    owner::Owner,
    pull_request_address::PullRequestAddress,
    repository_address::{AddressError, RepositoryAddress},
};

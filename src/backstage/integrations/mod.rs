//! Credentials for code hosts, from Backstage's `integrations` section.

mod api;
mod app;
mod credentials;
mod error;
mod github;
#[cfg(test)]
mod github_tests;
mod installation;
mod jwt;
mod owner;
mod refusal;
#[cfg(test)]
mod testing;
mod token;

pub use self::{
    app::GitHubApp, credentials::GitHubCredentials, error::GitHubError, github::GitHubIntegration,
    owner::Owner,
};

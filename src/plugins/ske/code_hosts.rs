//! The code hosts as the configuration has them now, and what their failures are to a caller.

use arc_swap::ArcSwap;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};

use super::config::Config;
use crate::{
    backstage::{
        error::BackstageError,
        integrations::{CodeHosts, GitHubError, HostError, WriteError},
        plugin::PluginEnv,
    },
    config::Live,
};

/// Follows the configuration; what is kept of the hosts stays as long as their entries do not change.
pub(super) struct LiveCodeHosts {
    config: Live<Config>,
    env: PluginEnv,
    held: ArcSwap<CodeHosts>,
}

impl LiveCodeHosts {
    /// Takes the entries of the configuration; asks nobody.
    pub(super) fn new(config: Live<Config>, env: &PluginEnv) -> Self {
        let hosts = CodeHosts::new(config.get().integrations.clone(), &env.http, &env.tasks);
        Self {
            config,
            env: env.clone(),
            held: ArcSwap::from_pointee(hosts),
        }
    }

    /// The hosts as they are configured now.
    pub(super) fn current(&self) -> CodeHosts {
        let (held, wanted) = (self.held.load_full(), self.config.get());
        if *held.integrations() == wanted.integrations {
            return (*held).clone();
        }
        let newer = CodeHosts::new(wanted.integrations.clone(), &self.env.http, &self.env.tasks);
        self.held.store(newer.clone().into());
        newer
    }
}

/// The one place where a failure to write at a code host gets its status. What a refused credential of ours causes is no
/// fault of the caller's, while a token the caller gave is.
pub(super) fn answer(error: &WriteError, callers_token: bool) -> BackstageError {
    use WriteError as E;
    let text = capitalised(&error.to_string());
    match error {
        E::Host(error) => host_answer(error, text, callers_token),
        E::Otherwise { .. } => BackstageError::unavailable(StatusCode::BAD_GATEWAY, text),
        E::Absent { .. } => BackstageError::not_found(text),
        E::DefaultBranch { .. } => BackstageError::not_allowed(text),
        E::OwnTarget(_) => BackstageError::input(text),
        E::BranchMissing { .. }
        | E::Empty(_)
        | E::Nothing { .. }
        | E::InTheWay { .. }
        | E::Sealed { .. }
        | E::TooManyFiles(_)
        | E::Elsewhere { .. }
        | E::Contended(_) => BackstageError::conflict(text),
    }
}

fn host_answer(error: &HostError, text: String, callers_token: bool) -> BackstageError {
    use HostError as E;
    let unavailable = BackstageError::unavailable;
    match error {
        _ if error.wait().is_some() => {
            let seconds = error.wait().map_or(1, |wait| wait.as_secs().max(1));
            unavailable(StatusCode::TOO_MANY_REQUESTS, text)
                .with_header(RETRY_AFTER, HeaderValue::from(seconds))
        }
        E::NotCovered { .. } | E::CredentialRefused { .. } | E::NotPermitted { .. } if callers_token => {
            BackstageError::not_allowed(text)
        }
        E::Refused { .. } => BackstageError::conflict(text),
        E::TimedOut { .. } | E::GitHub(GitHubError::TimedOut { .. }) => {
            let text = format!("{text}. What it may have done already, running it again builds upon");
            unavailable(StatusCode::GATEWAY_TIMEOUT, text)
        }
        E::Unavailable { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE => {
            unavailable(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        _ => unavailable(StatusCode::BAD_GATEWAY, text),
    }
}

/// Sentences of the hosts go on after a colon elsewhere; here they stand by themselves. An address keeps its case.
fn capitalised(sentence: &str) -> String {
    let is_word = sentence
        .split(' ')
        .next()
        .is_some_and(|first| !first.contains(['/', '.', ':', '\'']));
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) if is_word => first.to_uppercase().chain(letters).collect(),
        _ => sentence.to_owned(),
    }
}

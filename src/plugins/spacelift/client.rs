//! `SpaceliftClient`: what we ask of Spacelift, with dead sessions replaced and refusals explained.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::{
    config::Config,
    deadline::Deadline,
    domain::{RunDetails, RunId, StackId},
    error::SpaceliftError,
    graphql::{CheckAccess, GetRun, ListStacks, Operation, Query, check_access, get_run, list_stacks},
    listed::{self, Sorted},
    notices::Notices,
    reply::ReplyError,
    text,
    token::{SpaceliftToken, TokenSource},
    transport::{Extras, Sender, Transport},
};
use crate::{backstage::plugin::PluginEnv, config::Live, infra::http_client::ClientError};

/// Attempts with a session: the one we have, and a new one if that was dead.
pub(super) const ATTEMPTS: usize = 2;

/// Most of `extensions` that is passed on, in bytes of JSON; the rest could be a stack trace.
const MAX_EXTENSIONS: usize = 2048;

/// Spacelift's API for one account. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SpaceliftClient {
    pub(super) transport: Transport,
    pub(super) tokens: TokenSource,
    config: Live<Config>,
    notices: Notices,
    host: Url,
    pub(super) timeout: Duration,
}

/// What a query brought. The errors are about parts of it that are missing.
pub(super) struct Answer<T> {
    pub(super) data: T,
    pub(super) errors: Vec<ReplyError>,
}

impl SpaceliftClient {
    /// A client for the account in the configuration; credentials follow its reloads, addresses do not.
    pub(super) fn new(config: &Live<Config>, env: &PluginEnv) -> Result<Self, ClientError> {
        let start = config.get();
        let client = match &start.client_certificate {
            None => env.http.for_url(&start.endpoint).clone(),
            Some(shown) => shown.client_for(&env.http, &start.endpoint)?,
        };
        let transport = Transport::new(client, start.endpoint.clone());
        let tokens = TokenSource::new(
            transport.clone(),
            config.clone(),
            env.config.clone(),
            env.tasks.clone(),
        );
        Ok(Self {
            transport,
            tokens,
            config: config.clone(),
            notices: Notices::default(),
            host: start.host.clone(),
            timeout: start.timeout,
        })
    }

    /// Refuses every write while `spacelift.readOnly` is set.
    pub(super) fn refuse_if_read_only(&self) -> Result<(), SpaceliftError> {
        if self.config.load().read_only {
            return Err(SpaceliftError::ReadOnly);
        }
        Ok(())
    }

    /// Logs in unless there is a session already.
    pub(super) async fn log_in(&self) -> Result<(), SpaceliftError> {
        self.tokens.get(Deadline::after(self.timeout)).await.map(drop)
    }

    /// Returns every stack the key may see, in Spacelift's order, and those that cannot be shown, which the log names.
    pub(super) async fn stacks(&self) -> Result<Sorted, SpaceliftError> {
        let answer = self.ask::<ListStacks>(|| list_stacks::Variables).await?;
        let stacks = answer.data.stacks.ok_or_else(not_understood::<ListStacks>)?;
        let sorted = listed::sort(stacks, &answer.errors);
        self.notices.tell(&sorted.odd);
        match sorted.odd.first() {
            Some(odd) if sorted.stacks.is_empty() => Err(SpaceliftError::OddStack(odd.clone())),
            _ => Ok(sorted),
        }
    }

    /// Returns what this Spacelift's schema was found to lack.
    pub(super) fn lacks(&self) -> Vec<String> {
        self.transport.documents().lacks()
    }

    /// Returns who we are for Spacelift, and for each stack whether a run could be started on it, as far as it tells.
    pub(super) async fn access(&self) -> Result<(Option<String>, Vec<Option<bool>>), SpaceliftError> {
        let answer = self.ask::<CheckAccess>(|| check_access::Variables).await?;
        let stacks = answer.data.stacks.ok_or_else(not_understood::<CheckAccess>)?;
        let name = answer.data.named.and_then(|viewer| viewer.name);
        let viewer = name.or(answer.data.viewer.map(|viewer| viewer.id));
        let writable = stacks.into_iter().flatten().map(|stack| {
            let enabled = !stack.is_disabled.unwrap_or_default();
            stack.can_write.map(|can_write| can_write && enabled)
        });
        Ok((viewer.map(|viewer| text::shorten(&viewer)), writable.collect()))
    }

    /// Returns a run as it is now.
    pub(super) async fn run(&self, stack: &StackId, run: &RunId) -> Result<RunDetails, SpaceliftError> {
        let variables = || get_run::Variables {
            stack: stack.as_str().to_owned(),
            run: run.as_str().to_owned(),
        };
        let data = self.ask::<GetRun>(variables).await?.data;
        let stack = stack.clone();
        let Some(found) = data.stack else {
            return Err(SpaceliftError::StackNotFound { stack });
        };
        let run = run.clone();
        let link = self.link(&stack);
        let missing = SpaceliftError::RunNotFound { stack, run, link };
        found.run.map(RunDetails::from).ok_or(missing)
    }

    /// Asks a query; a dead session is replaced once. One deadline holds for all of it.
    async fn ask<Q: Query>(
        &self,
        variables: impl Fn() -> Q::Variables,
    ) -> Result<Answer<Q::Data>, SpaceliftError> {
        let deadline = Deadline::after(self.timeout);
        for _ in 0..ATTEMPTS {
            let token = self.tokens.get(deadline).await?;
            match self.ask_with::<Q>(&token, variables(), deadline).await {
                Err(SpaceliftError::Unauthorized { .. }) => self.tokens.forget(&token),
                answer => return answer,
            }
        }
        Err(SpaceliftError::SessionRefused)
    }

    /// Asks a query within a session. `Unauthorized` means that the session is dead: the viewer is nobody.
    pub(super) async fn ask_with<Q: Query>(
        &self,
        token: &SpaceliftToken,
        variables: Q::Variables,
        deadline: Deadline,
    ) -> Result<Answer<Q::Data>, SpaceliftError> {
        let extras = Extras {
            sender: Sender::Session(token),
            run_metadata: None,
        };
        let reply = self.transport.send::<Q>(variables, extras, deadline).await?;
        let Some(data) = reply.data else {
            let error = reply.errors.first();
            return Err(error.map_or_else(not_understood::<Q>, |error| refused::<Q>(error, token)));
        };
        // Nobody is a dead session, whatever the errors beside it say.
        if reply.viewer_asked && !Q::viewer_known(&data) {
            return Err(SpaceliftError::Unauthorized {
                operation: Q::NAME,
                said: None,
            });
        }
        token.prove();
        let errors = reply.errors;
        let spoils = |error: &&ReplyError| !(Q::has_answer(&data) && error.is_about_the_result());
        match errors.iter().find(spoils) {
            Some(error) => Err(rejected::<Q>(error, token)),
            None => Ok(Answer { data, errors }),
        }
    }

    /// Where a person finds the stack.
    pub(super) fn link(&self, stack: &StackId) -> String {
        self.link_to(&["stack", stack.as_str()])
    }

    /// Where a person finds a run.
    pub(super) fn run_link(&self, stack: &StackId, run: &str) -> String {
        self.link_to(&["stack", stack.as_str(), "run", run])
    }

    fn link_to(&self, page: &[&str]) -> String {
        let mut link = self.host.clone();
        if let Ok(mut path) = link.path_segments_mut() {
            path.clear().extend(page);
        }
        link.into()
    }
}

/// An error that may mean a dead session.
pub(super) fn refused<O: Operation>(error: &ReplyError, token: &SpaceliftToken) -> SpaceliftError {
    if error.says_unauthorized() {
        return SpaceliftError::Unauthorized {
            operation: O::NAME,
            said: None,
        };
    }
    rejected::<O>(error, token)
}

fn rejected<O: Operation>(error: &ReplyError, token: &SpaceliftToken) -> SpaceliftError {
    SpaceliftError::Rejected {
        operation: O::NAME,
        message: token.redact(&format!("{}{}", error.message, place(error))),
        extensions: error
            .extensions
            .as_ref()
            .map(|given| passable(given, token))
            .unwrap_or_default(),
    }
}

/// Where in the result it failed, which names one of many.
fn place(error: &ReplyError) -> String {
    if !error.is_about_the_result() {
        return String::new();
    }
    let names: Vec<_> = error
        .path()
        .iter()
        .map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned))
        .collect();
    format!(" (at {})", names.join("."))
}

/// Passes extensions on if they are small and quote nothing secret.
fn passable(extensions: &Value, token: &SpaceliftToken) -> Map<String, Value> {
    let clean = extensions.to_string().len() <= MAX_EXTENSIONS && !token.is_quoted_in(extensions);
    extensions
        .as_object()
        .filter(|_| clean)
        .cloned()
        .unwrap_or_default()
}

pub(super) fn not_understood<O: Operation>() -> SpaceliftError {
    SpaceliftError::Malformed {
        operation: O::NAME,
        source: None,
    }
}

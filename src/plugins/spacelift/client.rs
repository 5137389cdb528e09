//! `SpaceliftClient`: what we ask of Spacelift, with dead sessions replaced and refusals explained.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::{
    config::Config,
    deadline::Deadline,
    domain::{RunDetails, RunId, Stack, StackId},
    error::SpaceliftError,
    graphql::{
        CheckAccess, GetRun, ListStacks, Operation, Query, ReplyError, check_access, get_run, list_stacks,
    },
    text,
    token::{SpaceliftToken, TokenSource},
    transport::{Extras, Transport},
};
use crate::{backstage::plugin::PluginEnv, config::Live, infra::http_client::ClientError};

/// Attempts with a session: the one we have, and a new one if that was dead.
pub(super) const ATTEMPTS: usize = 2;

/// Most of `extensions` that is passed on, in bytes of JSON; the rest could be a stack trace.
const MAX_EXTENSIONS: usize = 2048;

/// How Spacelift says both "dead session" and "no permission"; official clients match the same text.
const UNAUTHORIZED: &str = "unauthorized";

/// Spacelift's API for one account. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SpaceliftClient {
    pub(super) transport: Transport,
    pub(super) tokens: TokenSource,
    config: Live<Config>,
    host: Url,
    pub(super) timeout: Duration,
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

    /// Returns every stack the key may see, in Spacelift's order.
    pub(super) async fn stacks(&self) -> Result<Vec<Stack>, SpaceliftError> {
        let data = self.ask::<ListStacks>(|| list_stacks::Variables).await?;
        let stacks = data.stacks.ok_or_else(not_understood::<ListStacks>)?;
        Ok(stacks.into_iter().map(Stack::from).collect())
    }

    /// Returns who we are for Spacelift, and for each stack whether a run could be started on it.
    pub(super) async fn access(&self) -> Result<(String, Vec<bool>), SpaceliftError> {
        let data = self.ask::<CheckAccess>(|| check_access::Variables).await?;
        let stacks = data.stacks.ok_or_else(not_understood::<CheckAccess>)?;
        let viewer = data
            .viewer
            .map(|viewer| viewer.name.unwrap_or(viewer.id))
            .unwrap_or_default();
        let writable = stacks
            .into_iter()
            .map(|stack| stack.can_write && !stack.is_disabled)
            .collect();
        Ok((text::shorten(&viewer), writable))
    }

    /// Returns a run as it is now.
    pub(super) async fn run(&self, stack: &StackId, run: &RunId) -> Result<RunDetails, SpaceliftError> {
        let variables = || get_run::Variables {
            stack: stack.as_str().to_owned(),
            run: run.as_str().to_owned(),
        };
        let data = self.ask::<GetRun>(variables).await?;
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
    ) -> Result<Q::ResponseData, SpaceliftError> {
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
    ) -> Result<Q::ResponseData, SpaceliftError> {
        let extras = Extras {
            session: Some(token),
            run_metadata: None,
        };
        let reply = self.transport.send::<Q>(variables, extras, deadline).await?;
        let Some(data) = reply.data else {
            let error = reply.errors.first();
            return Err(error.map_or_else(not_understood::<Q>, |error| refused::<Q>(error, token)));
        };
        // Nobody is a dead session, whatever the errors beside it say.
        if !Q::viewer_known(&data) {
            return Err(SpaceliftError::Unauthorized { operation: Q::NAME });
        }
        token.prove();
        match reply.errors.first() {
            Some(error) => Err(rejected::<Q>(error, token)),
            None => Ok(data),
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
    if error.message.to_ascii_lowercase().contains(UNAUTHORIZED) {
        return SpaceliftError::Unauthorized { operation: O::NAME };
    }
    rejected::<O>(error, token)
}

fn rejected<O: Operation>(error: &ReplyError, token: &SpaceliftToken) -> SpaceliftError {
    SpaceliftError::Rejected {
        operation: O::NAME,
        message: token.redact(&error.message),
        extensions: error
            .extensions
            .as_ref()
            .map(|given| passable(given, token))
            .unwrap_or_default(),
    }
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

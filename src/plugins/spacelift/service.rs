//! What the portal may ask of Spacelift: the list, and a run. Routes and actions
//! call it, and it sees to the permissions of both.

use std::sync::Arc;

use futures_util::FutureExt;
use http::HeaderValue;
use tokio::sync::oneshot;
use tracing::{Instrument, Span, info, warn};

use super::{
    bodies::{self, StackBody},
    client::SpaceliftClient,
    config::Config,
    domain::{Run, StackId},
    error::SpaceliftError,
    permissions,
    stack_list::{Fetch, StackList},
    text,
};
use crate::{
    backstage::{auth::Credentials, error::BackstageError, plugin::PluginEnv, user_text::encode_user_text},
    config::Live,
    infra::{http_client::ClientError, http_server::PreparedJson, tasks::Tasks},
};

/// The Spacelift account as the portal uses it.
pub(super) struct Spacelift {
    client: SpaceliftClient,
    stacks: StackList,
    read_only: bool,
    tasks: Tasks,
}

impl Spacelift {
    /// Asks nothing yet.
    pub(super) fn new(config: &Live<Config>, env: &PluginEnv) -> Result<Self, ClientError> {
        let client = SpaceliftClient::new(config, env)?;
        let stacks = StackList::new(config.clone(), env.tasks.clone(), fetch_with(client.clone()));
        Ok(Self {
            client,
            stacks,
            read_only: config.get().read_only,
            tasks: env.tasks.clone(),
        })
    }

    /// Returns the list as it is sent; see `StackList` for how fresh it is.
    pub(super) async fn list_stacks(
        &self,
        caller: &Credentials,
    ) -> Result<Arc<PreparedJson>, BackstageError> {
        caller.admits(&permissions::READ_STACKS)?;
        Ok(self.stacks.get().await?)
    }

    /// Returns the stacks of that list.
    pub(super) async fn stacks(&self, caller: &Credentials) -> Result<Vec<StackBody>, BackstageError> {
        let list = self.list_stacks(caller).await?;
        Ok(bodies::read(&list)?)
    }

    /// Returns one stack of that list, which is as fresh as a look at it alone and costs Spacelift nothing.
    pub(super) async fn stack(&self, id: StackId, caller: &Credentials) -> Result<StackBody, BackstageError> {
        let mut stacks = self.stacks(caller).await?.into_iter();
        let found = stacks.find(|stack| stack.id == id.as_str());
        Ok(found.ok_or(SpaceliftError::StackNotFound { stack: id })?)
    }

    /// Where a person finds a run.
    pub(super) fn run_url(&self, stack: &StackId, run: &str) -> String {
        self.client.run_link(stack, run)
    }

    /// Starts a run in the caller's name. The work goes on if the caller leaves: half a trigger is worse than one.
    pub(super) async fn trigger_run(
        &self,
        stack: StackId,
        caller: &Credentials,
    ) -> Result<Run, BackstageError> {
        caller.admits(&permissions::TRIGGER_RUNS)?;
        if self.read_only {
            return Err(SpaceliftError::ReadOnly.into());
        }
        let caller = encode_user_text(caller.subject().unwrap_or("nobody"));
        let lost = self.client.lost(&stack, SpaceliftError::Abandoned);
        let (client, stacks) = (self.client.clone(), self.stacks.clone());
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            let write = stacks.begin_write();
            let outcome = trigger(&client, &stack, &caller).await;
            // The list is open again before the caller knows, so that its next look is fresh.
            drop(write);
            let _ = sender.send(outcome);
        };
        self.tasks.spawn(work.instrument(Span::current()));
        Ok(told(receiver, lost).await?)
    }
}

/// What the task found out. If it died, the run may have started all the same.
async fn told(
    outcome: oneshot::Receiver<Result<Run, SpaceliftError>>,
    lost: SpaceliftError,
) -> Result<Run, SpaceliftError> {
    outcome.await.unwrap_or(Err(lost))
}

fn fetch_with(client: SpaceliftClient) -> Fetch {
    Box::new(move || {
        let client = client.clone();
        async move { bodies::prepare(client.stacks().await?) }.boxed()
    })
}

/// Triggers, and records who did: Spacelift itself sees only the integration key.
async fn trigger(client: &SpaceliftClient, stack: &StackId, caller: &str) -> Result<Run, SpaceliftError> {
    let metadata = HeaderValue::from_str(caller).map_err(|_| SpaceliftError::Abandoned)?;
    let outcome = client.trigger_run(stack, &metadata).await;
    let id = encode_user_text(stack.as_str());
    match &outcome {
        Ok(run) => {
            let run = text::shorten(&run.id);
            info!(stack.id = %id, run.id = %run, principal = caller, "Triggered run {run} on stack {id}");
        }
        Err(SpaceliftError::TriggerLost { .. }) => {
            warn!(stack.id = %id, principal = caller, "Lost sight of a trigger on stack {id}; a run may have started");
        }
        // The request's own log line tells of it.
        Err(_) => {}
    }
    outcome
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_trigger_whose_task_died_may_have_started_a_run_and_says_so() {
        let (sender, receiver) = oneshot::channel();
        drop(sender);
        let lost = SpaceliftError::TriggerLost {
            link: "https://acme.app.spacelift.io/stack/a".into(),
            cause: Box::new(SpaceliftError::Abandoned),
        };
        let error = BackstageError::from(told(receiver, lost).await.unwrap_err());
        assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(error.message().contains("https://acme.app.spacelift.io/stack/a"));
    }
}

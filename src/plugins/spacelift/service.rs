//! What the portal may ask of Spacelift: the list, and a run. Routes and actions
//! call it, and it sees to the permissions of both.

use std::{future::Future, sync::Arc};

use futures_util::FutureExt;
use http::HeaderValue;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    bodies::{self, StackBody, StacksBody},
    client::SpaceliftClient,
    config::Config,
    domain::{Run, RunDetails, RunId, StackId, Verdict},
    error::SpaceliftError,
    permissions::{self, RUN_MUTATE},
    stack_list::{Fetch, StackList},
    text,
    wait::{Awaited, WatchedRun},
    writes::{Aim, Decision},
};
use crate::{
    backstage::{
        audit::{AuditEvent, Auditor},
        auth::Credentials,
        error::BackstageError,
        permission::{Judged, Needs, Permissions},
        plugin::PluginEnv,
        user_text::encode_user_text,
        waiting::{self, Waited, Waits},
    },
    config::Live,
    infra::{http_client::ClientError, tasks::Tasks},
};

/// Audit events of looking at stacks and runs, and of changing what runs do.
const STACK_FETCH: AuditEvent = AuditEvent::fetch("stack-fetch");
const RUN_FETCH: AuditEvent = AuditEvent::fetch("run-fetch");

/// The Spacelift account as the portal uses it.
pub(super) struct Spacelift {
    client: SpaceliftClient,
    stacks: StackList,
    config: Live<Config>,
    waits: Waits,
    tasks: Tasks,
    permissions: Permissions,
    audit: Auditor,
}

impl Spacelift {
    /// Asks nothing yet.
    pub(super) fn new(
        config: &Live<Config>,
        env: &PluginEnv,
        permissions: Permissions,
    ) -> Result<Self, ClientError> {
        let client = SpaceliftClient::new(config, env)?;
        let stacks = StackList::new(config.clone(), env.tasks.clone(), fetch_with(client.clone()));
        Ok(Self {
            client,
            stacks,
            config: config.clone(),
            waits: Waits::new(env.tasks.clone()),
            tasks: env.tasks.clone(),
            audit: Auditor::new(permissions.plugin_id(), env),
            permissions,
        })
    }

    /// Returns the list; see `StackList` for how fresh it is.
    pub(super) async fn list_stacks(&self, caller: &Credentials) -> Result<Arc<StacksBody>, BackstageError> {
        let about = || json!({ "queryType": "all" });
        let trail = self.audit.begin(STACK_FETCH, caller, about);
        trail.end(self.permitted_list(caller).await, nothing_more)
    }

    /// Returns one stack of that list, which is as fresh as a look at it alone and costs Spacelift nothing.
    pub(super) async fn stack(&self, id: StackId, caller: &Credentials) -> Result<StackBody, BackstageError> {
        let about = || json!({ "queryType": "by-id", "stackId": encode_user_text(id.as_str()) });
        let trail = self.audit.begin(STACK_FETCH, caller, about);
        let list = self.permitted_list(caller).await;
        trail.end(list.and_then(|list| find(&list, id)), nothing_more)
    }

    async fn permitted_list(&self, caller: &Credentials) -> Result<Arc<StacksBody>, BackstageError> {
        self.permissions
            .authorize(caller, &permissions::READ_STACKS)
            .await?;
        Ok(self.stacks.get().await?)
    }

    /// Where a person finds a run.
    pub(super) fn run_url(&self, stack: &StackId, run: &str) -> String {
        self.client.run_link(stack, run)
    }

    /// Decides whether the caller may, before what was sent is read.
    pub(super) async fn judge(&self, caller: &Credentials, needs: &Needs) -> Result<Judged, BackstageError> {
        let config = self.config.get();
        self.permissions.judge(caller, needs, &config.write_callers).await
    }

    /// Starts a run in the caller's name.
    pub(super) async fn trigger_run(
        self: &Arc<Self>,
        stack: StackId,
        caller: &Judged,
    ) -> Result<Run, BackstageError> {
        let about = || json!({ "actionType": "trigger", "stackId": encode_user_text(stack.as_str()) });
        let trail = self.audit.begin(RUN_MUTATE, caller, about);
        let lost = self.client.lost(&Aim::stack(&stack), SpaceliftError::Abandoned);
        let (spacelift, caller) = (Arc::clone(self), caller.clone());
        let work = async move { spacelift.permitted_trigger(stack, &caller).await };
        let more = |run: &Run| json!({ "runId": text::shorten(&run.id) });
        trail.follow(&self.tasks, (work, lost.into()), more).await
    }

    async fn permitted_trigger(&self, stack: StackId, caller: &Credentials) -> Result<Run, BackstageError> {
        self.client.refuse_if_read_only()?;
        let caller = encode_user_text(caller.subject().unwrap_or("nobody"));
        self.write(trigger(&self.client, &stack, &caller)).await
    }

    /// Confirms or discards a run in the caller's name.
    pub(super) async fn decide(
        self: &Arc<Self>,
        decision: Decision,
        caller: &Judged,
    ) -> Result<Run, BackstageError> {
        let action = match decision.verdict {
            Verdict::Confirm => "confirm",
            Verdict::Discard => "discard",
        };
        let about = || about_run("actionType", action, &decision.stack, &decision.run);
        let trail = self.audit.begin(RUN_MUTATE, caller, about);
        let lost = self.client.lost(&decision.aim(), SpaceliftError::Abandoned);
        let (spacelift, caller) = (Arc::clone(self), caller.clone());
        let work = async move { spacelift.permitted_decision(decision, &caller).await };
        trail.follow(&self.tasks, (work, lost.into()), nothing_more).await
    }

    async fn permitted_decision(
        &self,
        decision: Decision,
        caller: &Credentials,
    ) -> Result<Run, BackstageError> {
        self.client.refuse_if_read_only()?;
        let caller = encode_user_text(caller.subject().unwrap_or("nobody"));
        self.write(decide(&self.client, &decision, &caller)).await
    }

    /// Returns a run as it is now.
    pub(super) async fn run(
        &self,
        stack: &StackId,
        run: &RunId,
        caller: &Credentials,
    ) -> Result<RunDetails, BackstageError> {
        let about = || about_run("queryType", "by-id", stack, run);
        let trail = self.audit.begin(RUN_FETCH, caller, about);
        let look = async {
            self.permissions
                .authorize(caller, &permissions::READ_RUNS)
                .await?;
            Ok::<_, BackstageError>(self.client.run(stack, run).await?)
        };
        trail.end(look.await, nothing_more)
    }

    /// Waits until nothing more happens to a run by itself, at most so long and not beyond the caller's credentials.
    /// The wait itself went well even if the run did not, and so it is audited.
    pub(super) async fn wait_for_run(
        &self,
        awaited: Awaited<'_>,
        caller: &Credentials,
    ) -> Result<Waited<RunDetails>, BackstageError> {
        let about = || about_run("queryType", "wait", awaited.stack, awaited.run);
        let trail = self.audit.begin(RUN_FETCH, caller, about);
        let waited = trail.end(self.permitted_wait(awaited, caller).await, nothing_more)?;
        if awaited.fail_on_failure && waited.seen.failed() {
            return Err(self.failed(awaited, waited.seen).into());
        }
        Ok(waited)
    }

    fn failed(&self, awaited: Awaited<'_>, seen: RunDetails) -> SpaceliftError {
        SpaceliftError::RunFailed {
            run: awaited.run.clone(),
            stack: awaited.stack.clone(),
            state: seen.state,
            link: self.run_url(awaited.stack, awaited.run.as_str()),
        }
    }

    async fn permitted_wait(
        &self,
        awaited: Awaited<'_>,
        caller: &Credentials,
    ) -> Result<Waited<RunDetails>, BackstageError> {
        self.permissions
            .authorize(caller, &permissions::READ_RUNS)
            .await?;
        let turn = self.waits.begin(caller)?;
        let patience = waiting::patience(awaited.seconds, caller.expires_at());
        let watched = WatchedRun {
            client: &self.client,
            stack: awaited.stack,
            run: awaited.run,
        };
        Ok(turn.wait(&watched, patience).await?)
    }

    /// Does the work, and has the list fetched anew, which is open again before the caller knows, so that its next look
    /// is fresh.
    async fn write(
        &self,
        work: impl Future<Output = Result<Run, SpaceliftError>>,
    ) -> Result<Run, BackstageError> {
        let _write = self.stacks.begin_write();
        Ok(work.await?)
    }
}

fn find(list: &StacksBody, id: StackId) -> Result<StackBody, BackstageError> {
    if let Some(found) = list.stacks.iter().find(|stack| stack.id == id.as_str()) {
        return Ok(found.clone());
    }
    let odd = list.odd.iter().find(|odd| odd.id.as_deref() == Some(id.as_str()));
    let missing = SpaceliftError::StackNotFound { stack: id };
    Err(odd
        .map_or(missing, |odd| SpaceliftError::OddStack(odd.clone()))
        .into())
}

/// What an audit event tells of one run.
fn about_run(kind: &str, what: &str, stack: &StackId, run: &RunId) -> Value {
    json!({ kind: what, "stackId": encode_user_text(stack.as_str()), "runId": run.as_str() })
}

/// For events whose beginning says it all.
fn nothing_more<T>(_: &T) -> Value {
    Value::Null
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

/// Decides, and records who did; Spacelift shows the note beside the run.
async fn decide(client: &SpaceliftClient, decision: &Decision, caller: &str) -> Result<Run, SpaceliftError> {
    let metadata = HeaderValue::from_str(caller).map_err(|_| SpaceliftError::Abandoned)?;
    let outcome = client.decide(decision, caller, &metadata).await;
    let (id, run, verdict) = (
        encode_user_text(decision.stack.as_str()),
        &decision.run,
        decision.verdict,
    );
    match &outcome {
        Ok(_) => {
            info!(stack.id = %id, run.id = %run, principal = caller, "Run {run} on stack {id} was {verdict}");
        }
        Err(SpaceliftError::DecisionLost { .. }) => {
            warn!(stack.id = %id, run.id = %run, principal = caller, "Lost sight of a decision about run {run} on stack {id}");
        }
        Err(_) => {}
    }
    outcome
}

//! What changes something at Spacelift: a trigger, and the decision about a run. Sent again only after Spacelift said
//! `unauthorized` to a dead session. What may have had its effect is never called refused: a decision is looked for in the
//! run's state, and else the error says that it is not known.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    client::{ATTEMPTS, SpaceliftClient, not_understood, refused},
    deadline::Deadline,
    domain::{Lock, Run, RunId, RunState, StackId, Verdict, Writability},
    error::SpaceliftError,
    graphql::{
        ConfirmRun, DiscardRun, ExplainDecision, ExplainRefusal, RunMutation, TriggerRun, confirm_run,
        discard_run, explain_decision, explain_refusal, trigger_run,
    },
    token::SpaceliftToken,
    transport::{Extras, Sender},
};

/// Time for asking why a write was refused; the answer is late already, and without a reason it is still one.
const EXPLANATION_TIME: Duration = Duration::from_secs(5);

/// A decision about one run of one stack.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) stack: StackId,
    pub(super) run: RunId,
    pub(super) verdict: Verdict,
    /// What the person wrote.
    pub(super) note: Option<String>,
}

/// What a write is about.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    stack: StackId,
    /// The run that is decided about, and how.
    decided: Option<(RunId, Verdict)>,
}

impl Aim {
    /// A new run on a stack.
    pub(super) fn stack(stack: &StackId) -> Self {
        Self {
            stack: stack.clone(),
            decided: None,
        }
    }
}

impl Decision {
    /// What it is about.
    pub(super) fn aim(&self) -> Aim {
        Aim {
            stack: self.stack.clone(),
            decided: Some((self.run.clone(), self.verdict)),
        }
    }
}

impl SpaceliftClient {
    /// Starts a run.
    pub(super) async fn trigger_run(
        &self,
        stack: &StackId,
        metadata: &HeaderValue,
    ) -> Result<Run, SpaceliftError> {
        let variables = || trigger_run::Variables {
            stack: stack.as_str().to_owned(),
        };
        self.write::<TriggerRun>(&Aim::stack(stack), metadata, variables)
            .await
    }

    /// Confirms or discards a run; the note names who did.
    pub(super) async fn decide(
        &self,
        decision: &Decision,
        caller: &str,
        metadata: &HeaderValue,
    ) -> Result<Run, SpaceliftError> {
        let (stack, run) = (decision.stack.as_str(), decision.run.as_str());
        let said = decision
            .note
            .as_deref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        let note = Some(format!("{caller} through the portal{said}"));
        match decision.verdict {
            Verdict::Confirm => {
                let variables = || confirm_run::Variables {
                    stack: stack.to_owned(),
                    run: run.to_owned(),
                    note: note.clone(),
                };
                self.write::<ConfirmRun>(&decision.aim(), metadata, variables)
                    .await
            }
            Verdict::Discard => {
                let variables = || discard_run::Variables {
                    stack: stack.to_owned(),
                    run: run.to_owned(),
                    note: note.clone(),
                };
                self.write::<DiscardRun>(&decision.aim(), metadata, variables)
                    .await
            }
        }
    }

    /// What is said of a write whose outcome is not known.
    pub(super) fn lost(&self, aim: &Aim, cause: SpaceliftError) -> SpaceliftError {
        let cause = Box::new(cause);
        match &aim.decided {
            None => SpaceliftError::TriggerLost {
                link: self.link(&aim.stack),
                cause,
            },
            Some((run, _)) => SpaceliftError::DecisionLost {
                link: self.run_link(&aim.stack, run.as_str()),
                cause,
            },
        }
    }

    async fn write<M: RunMutation>(
        &self,
        aim: &Aim,
        metadata: &HeaderValue,
        variables: impl Fn() -> M::Variables,
    ) -> Result<Run, SpaceliftError> {
        for _ in 0..ATTEMPTS {
            let token = self.tokens.get(Deadline::after(self.timeout)).await?;
            // The switch may have been thrown while there was no session.
            self.refuse_if_read_only()?;
            let refusal = match self.send::<M>(&token, metadata, variables()).await {
                Ok(run) => return Ok(run),
                Err(error) => error,
            };
            if refusal.leaves_doubt() {
                return self.settle(&token, aim, refusal).await;
            }
            if !self.session_was_dead(&token, aim, &refusal).await? {
                return Err(refusal);
            }
            self.tokens.forget(&token);
        }
        Err(SpaceliftError::SessionRefused)
    }

    async fn send<M: RunMutation>(
        &self,
        token: &SpaceliftToken,
        metadata: &HeaderValue,
        variables: M::Variables,
    ) -> Result<Run, SpaceliftError> {
        let extras = Extras {
            sender: Sender::Session(token),
            run_metadata: Some(metadata.clone()),
        };
        let reply = self
            .transport
            .send::<M>(variables, extras, Deadline::after(self.timeout))
            .await?;
        if let Some(run) = reply.data.and_then(M::run) {
            token.prove();
            return Ok(run);
        }
        if let Some(error) = reply.errors.iter().find(|error| error.is_about_the_result()) {
            return Err(SpaceliftError::Untold {
                operation: M::NAME,
                message: token.redact(&error.message),
            });
        }
        let error = reply.errors.first().filter(|_| !reply.misfit);
        Err(error.map_or_else(not_understood::<M>, |error| refused::<M>(error, token)))
    }

    /// What is said of a write that may have had its effect. A decision shows in the run's state; whose a new run is
    /// shows nowhere.
    async fn settle(
        &self,
        token: &Arc<SpaceliftToken>,
        aim: &Aim,
        cause: SpaceliftError,
    ) -> Result<Run, SpaceliftError> {
        if let Some((run, verdict)) = &aim.decided {
            let found = self.explain_decision(token, &aim.stack, run).await;
            let state = found.ok().flatten().and_then(|stack| stack.run);
            if let Some(state) = state.map(|run| run.state).filter(|state| verdict.leads_to(state)) {
                let id = run.as_str().to_owned();
                return Ok(Run { id, state });
            }
        }
        Err(self.lost(aim, cause))
    }

    /// Asks why a write was refused. True if the session was dead; an error if stack or run give a reason.
    async fn session_was_dead(
        &self,
        token: &Arc<SpaceliftToken>,
        aim: &Aim,
        refusal: &SpaceliftError,
    ) -> Result<bool, SpaceliftError> {
        use SpaceliftError as E;
        if !matches!(refusal, E::Unauthorized { .. } | E::Rejected { .. }) {
            return Ok(false);
        }
        let reason = match &aim.decided {
            None => self.why_no_run(token, &aim.stack).await,
            Some((run, verdict)) => self.why_no_decision(token, &aim.stack, (run, *verdict)).await,
        };
        let unauthorized = matches!(refusal, E::Unauthorized { .. });
        match reason {
            // Where no viewer can be asked for, a dead session looks like this.
            Ok(Some(E::StackNotFound { .. }))
                if unauthorized && self.transport.documents().lack("viewer") =>
            {
                Ok(true)
            }
            Ok(reason) => reason.map_or(Ok(false), Err),
            Err(E::Unauthorized { .. }) => {
                self.tokens.forget(token);
                Ok(unauthorized)
            }
            Err(_) => Ok(false),
        }
    }

    /// Why a stack takes no run from us, if its own data tells.
    async fn why_no_run(
        &self,
        token: &SpaceliftToken,
        stack: &StackId,
    ) -> Result<Option<SpaceliftError>, SpaceliftError> {
        let variables = explain_refusal::Variables {
            stack: stack.as_str().to_owned(),
        };
        let data = self.ask_with::<ExplainRefusal>(token, variables, self.explanation_deadline());
        let found = data.await?.data.stack.map(Writability::from);
        Ok(reason(stack, found, token))
    }

    /// Why a run takes no decision from us, if its own data or its stack's tells.
    async fn why_no_decision(
        &self,
        token: &SpaceliftToken,
        stack: &StackId,
        (run, verdict): (&RunId, Verdict),
    ) -> Result<Option<SpaceliftError>, SpaceliftError> {
        let mut found = self.explain_decision(token, stack, run).await?;
        let state = found
            .as_mut()
            .and_then(|stack| stack.run.take())
            .map(|run| run.state);
        if found.is_some()
            && let Some(reason) = self.unfit(stack, (run, verdict), state)
        {
            return Ok(Some(reason));
        }
        Ok(reason(stack, found.map(Writability::from), token))
    }

    /// The stack with the run, as far as it says what becomes of decisions.
    async fn explain_decision(
        &self,
        token: &SpaceliftToken,
        stack: &StackId,
        run: &RunId,
    ) -> Result<Option<explain_decision::ExplainDecisionStack>, SpaceliftError> {
        let variables = explain_decision::Variables {
            stack: stack.as_str().to_owned(),
            run: run.as_str().to_owned(),
        };
        let data = self.ask_with::<ExplainDecision>(token, variables, self.explanation_deadline());
        Ok(data.await?.data.stack)
    }

    /// Why a run in this state cannot be decided so; no state is no run.
    fn unfit(
        &self,
        stack: &StackId,
        (run, verdict): (&RunId, Verdict),
        state: Option<RunState>,
    ) -> Option<SpaceliftError> {
        let link = self.run_link(stack, run.as_str());
        let (stack, run) = (stack.clone(), run.clone());
        match state {
            None => Some(SpaceliftError::RunNotFound {
                link: self.link(&stack),
                stack,
                run,
            }),
            Some(state) if !verdict.suits(&state) => Some(SpaceliftError::RunNotWaiting {
                run,
                state,
                verdict,
                link,
            }),
            Some(_) => None,
        }
    }

    fn explanation_deadline(&self) -> Deadline {
        Deadline::after(EXPLANATION_TIME.min(self.timeout))
    }
}

fn reason(stack: &StackId, found: Option<Writability>, token: &SpaceliftToken) -> Option<SpaceliftError> {
    let stack = stack.clone();
    match found {
        None => Some(SpaceliftError::StackNotFound { stack }),
        Some(Writability {
            can_write: Some(false),
            ..
        }) => Some(SpaceliftError::StackNotWritable { stack }),
        Some(Writability { lock: Some(lock), .. }) => {
            let lock = Lock {
                by: token.redact(&lock.by),
                note: lock.note.map(|note| token.redact(&note)),
                ..lock
            };
            Some(SpaceliftError::StackLocked { stack, lock })
        }
        Some(Writability {
            disabled: Some(true), ..
        }) => Some(SpaceliftError::StackDisabled { stack }),
        Some(_) => None,
    }
}

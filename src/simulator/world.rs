//! Everything the simulator knows: stacks, sessions, time; and what a caller may do with them.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{
    clock::SimTime,
    run::{Decision, Run, RunState},
    sessions::Sessions,
    settings::{SimulatorSettings, WrongKeyAnswer},
    stack::Stack,
};

/// The error text of a dead session and of a missing permission alike; official clients match it as a substring.
pub(super) const UNAUTHORIZED: &str = "unauthorized";

/// The state behind one simulator.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: SimTime,
    pub(super) step: Duration,
    pub(super) sessions: Sessions,
    pub(super) wrong_key: WrongKeyAnswer,
    /// Shared with answers under way; changed by copy.
    stacks: IndexMap<String, Arc<Stack>>,
    runs_made: u64,
    next_to_start: usize,
}

/// Who started a run, as far as the request said.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// The run metadata header.
    pub(super) metadata: Option<String>,
}

impl World {
    pub(super) fn new(settings: &SimulatorSettings) -> Self {
        let stacks = settings.stacks.iter();
        Self {
            now: SimTime::from_system(),
            step: settings.step,
            sessions: Sessions::new(
                settings.api_key.clone(),
                settings.api_secret.clone(),
                settings.token_lifetime,
            ),
            wrong_key: settings.wrong_key.clone(),
            stacks: stacks
                .map(|stack| (stack.id.clone(), Arc::new(stack.clone())))
                .collect(),
            runs_made: 0,
            next_to_start: 0,
        }
    }

    /// The stacks the key sees, in their order.
    pub(super) fn visible_stacks(&self) -> Vec<Arc<Stack>> {
        self.stacks
            .values()
            .filter(|stack| stack.visible)
            .cloned()
            .collect()
    }

    /// The stack with the id, if the key sees it.
    pub(super) fn visible_stack(&self, id: &str) -> Option<Arc<Stack>> {
        self.stacks.get(id).filter(|stack| stack.visible).cloned()
    }

    /// The stack with the id, seen or not.
    pub(super) fn stack(&self, id: &str) -> Option<&Stack> {
        self.stacks.get(id).map(|stack| &**stack)
    }

    /// The stack with the id, to change it.
    pub(super) fn stack_mut(&mut self, id: &str) -> Option<&mut Stack> {
        self.stacks.get_mut(id).map(Arc::make_mut)
    }

    /// Replaces all stacks.
    pub(super) fn set_stacks(&mut self, stacks: Vec<Stack>) {
        let stacks = stacks.into_iter();
        self.stacks = stacks.map(|stack| (stack.id.clone(), Arc::new(stack))).collect();
    }

    /// Lets time pass and every run take the steps that are due.
    pub(super) fn advance(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        for stack in self.stacks.values_mut().filter(|stack| stack.is_busy()) {
            Arc::make_mut(stack).advance(self.now, self.step);
        }
    }

    /// Starts a tracked run. The answer shows it queued, also when it moves on at once.
    pub(super) fn trigger(&mut self, id: &str, origin: Origin) -> Result<Run, String> {
        self.check_writable(id)?;
        self.runs_made += 1;
        let run_id = format!("01J{:023}", self.runs_made);
        let triggered_by = format!("api::{}", self.sessions.key());
        let now = self.now;
        let stack = self.stack_mut(id).ok_or("stack not found")?;
        let mut run = Run::new(run_id, RunState::Queued, stack.outcome, now);
        run.triggered_by = Some(triggered_by);
        run.metadata = origin.metadata;
        stack.queue(run.clone(), now);
        Ok(run)
    }

    /// Confirms or discards a run; without a run id the one that holds the stack.
    pub(super) fn decide(
        &mut self,
        id: &str,
        run_id: Option<&str>,
        decision: Decision,
    ) -> Result<Run, String> {
        self.check_writable(id)?;
        let now = self.now;
        let stack = self.stack_mut(id).ok_or("stack not found")?;
        let run = match run_id {
            Some(run_id) => stack.run(run_id),
            None => stack.blocker(),
        };
        let run = run.ok_or("run not found")?;
        if !may_decide(run.state(), decision.verdict) {
            return Err(format!("run is in state {}", run.state().as_str()));
        }
        let run_id = run.id.clone();
        stack.decide(&run_id, decision, now);
        stack
            .run(&run_id)
            .cloned()
            .ok_or_else(|| "run not found".to_owned())
    }

    /// Starts a run on the next stack in turn that is at rest; the demo's heartbeat.
    pub(super) fn start_one(&mut self) {
        for _ in 0..self.stacks.len() {
            let index = self.next_to_start % self.stacks.len();
            self.next_to_start += 1;
            let at_rest = self.stacks.get_index(index).filter(|(_, stack)| !stack.is_busy());
            let id = at_rest.map(|(id, _)| id.clone());
            if id.is_some_and(|id| self.trigger(&id, Origin::default()).is_ok()) {
                return;
            }
        }
    }

    /// The texts of the last two are our choice: no public source shows the real ones.
    fn check_writable(&self, id: &str) -> Result<(), String> {
        let stack = self.visible_stack(id).ok_or("stack not found")?;
        if !stack.can_write {
            return Err(UNAUTHORIZED.to_owned());
        }
        if stack.is_disabled {
            return Err("stack is disabled".to_owned());
        }
        if stack.lock.is_some() {
            return Err("stack is locked by another user".to_owned());
        }
        Ok(())
    }
}

/// Only a run that waits for a person can be confirmed; one in the queue can also be dropped.
fn may_decide(state: RunState, verdict: RunState) -> bool {
    match verdict {
        RunState::Confirmed => state == RunState::Unconfirmed,
        _ => matches!(state, RunState::Unconfirmed | RunState::Queued | RunState::Ready),
    }
}

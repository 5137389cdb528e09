//! A stack with its runs: one run holds it at a time, the others wait.

use std::time::Duration;

use super::{
    clock::SimTime,
    run::{Decision, Outcome, Run, RunState},
};

/// A space: where stacks live and what roles are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The id, such as `production-01H8ZC2V`.
    pub id: String,
    /// The name people see.
    pub name: String,
}

/// Somebody's lock on a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Who took it.
    pub by: String,
    /// Since when, in Unix seconds.
    pub at: i64,
    /// What they wrote.
    pub note: Option<String>,
}

/// A stack. Fields are open so that a test can bring it into any situation.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The slug used in URLs and arguments.
    pub id: String,
    /// The name people see.
    pub name: String,
    /// Free text; null on the wire when absent.
    pub description: Option<String>,
    /// Such as `env:production`.
    pub labels: Vec<String>,
    /// The tracked branch.
    pub branch: String,
    /// The repository without its owner.
    pub repository: String,
    /// The folder inside the repository.
    pub project_root: Option<String>,
    /// Where the stack lives.
    pub space: Space,
    /// The state shown: that of the last run that left the queue. Any text, also one the schema does not know yet.
    pub state: String,
    /// When the state was entered, in Unix seconds.
    pub state_set_at: i64,
    /// When the stack was made, in Unix seconds.
    pub created_at: i64,
    /// A disabled stack takes no runs.
    pub is_disabled: bool,
    /// Whether the key may write here.
    pub can_write: bool,
    /// Whether the key sees the stack at all.
    pub visible: bool,
    /// While somebody else's lock is on, the key cannot start runs.
    pub lock: Option<Lock>,
    /// How the next runs end.
    pub outcome: Outcome,
    /// Oldest first.
    pub runs: Vec<Run>,
    /// Fields that are null whatever the schema says, as in a damaged record.
    pub nulls: Vec<&'static str>,
}

impl Stack {
    /// The run that holds the stack, if any.
    pub fn blocker(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.holds_stack())
    }

    /// Returns the run with the id.
    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// Whether changes are applied without a person.
    pub(super) fn autodeploys(&self) -> bool {
        self.outcome == Outcome::Autodeploys
    }

    /// Adds a run to the end of the queue. It moves on at once if nothing holds the stack.
    pub(super) fn queue(&mut self, run: Run, now: SimTime) {
        self.runs.push(run);
        self.start_next(now);
    }

    /// Whether time can change anything here.
    pub(super) fn is_busy(&self) -> bool {
        self.blocker().is_some()
    }

    /// Lets every step happen that is due by now.
    pub(super) fn advance(&mut self, now: SimTime, step: Duration) {
        while let Some(run) = self.runs.iter_mut().find(|run| run.holds_stack()) {
            let Some(at) = run.take_due_step(now, step) else {
                return;
            };
            let state = run.state();
            self.show(state, at);
            self.start_next(at);
        }
    }

    /// Moves a run on because a person said so.
    pub(super) fn decide(&mut self, run_id: &str, decision: Decision, at: SimTime) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == run_id) {
            run.enter(decision.verdict, at, decision.note);
            self.show(decision.verdict, at);
            self.start_next(at);
        }
    }

    fn show(&mut self, state: RunState, at: SimTime) {
        state.as_str().clone_into(&mut self.state);
        self.state_set_at = at.seconds();
    }

    fn start_next(&mut self, at: SimTime) {
        if self.is_busy() {
            return;
        }
        let waiting = self.runs.iter_mut().find(|run| run.state() == RunState::Queued);
        if let Some(run) = waiting {
            run.enter(RunState::Ready, at, None);
            self.show(RunState::Ready, at);
        }
    }
}

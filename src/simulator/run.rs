//! A tracked run and the states it passes through.

use std::time::Duration;

use super::clock::SimTime;

/// The states of a run, as Spacelift's run documentation names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are Spacelift's own and explained in its documentation"
)]
pub enum RunState {
    Queued,
    Ready,
    Preparing,
    Initializing,
    Planning,
    Unconfirmed,
    Confirmed,
    PreparingApply,
    Applying,
    Finished,
    Failed,
    Discarded,
    Canceled,
    Stopped,
}

impl RunState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Ready => "READY",
            Self::Preparing => "PREPARING",
            Self::Initializing => "INITIALIZING",
            Self::Planning => "PLANNING",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Confirmed => "CONFIRMED",
            Self::PreparingApply => "PREPARING_APPLY",
            Self::Applying => "APPLYING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Discarded => "DISCARDED",
            Self::Canceled => "CANCELED",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether a run never leaves this state.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Finished | Self::Failed | Self::Discarded | Self::Canceled | Self::Stopped
        )
    }

    /// The state that follows by itself, or `None` when somebody has to act or the run is over.
    fn next(self, outcome: Outcome) -> Option<Self> {
        match self {
            Self::Ready => Some(Self::Preparing),
            Self::Preparing => Some(Self::Initializing),
            Self::Initializing => Some(Self::Planning),
            Self::Planning => Some(outcome.after_planning()),
            Self::Confirmed => Some(Self::PreparingApply),
            Self::PreparingApply => Some(Self::Applying),
            Self::Applying if outcome == Outcome::FailsApplying => Some(Self::Failed),
            Self::Applying => Some(Self::Finished),
            _ => None,
        }
    }
}

/// How the next runs of a stack will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Planning finds nothing to change.
    Unchanged,
    /// Planning finds changes that wait for a person.
    NeedsConfirmation,
    /// Planning finds changes and the stack deploys them by itself.
    Autodeploys,
    /// Planning fails.
    FailsPlanning,
    /// The changes are confirmed and then applying them fails.
    FailsApplying,
}

impl Outcome {
    fn after_planning(self) -> RunState {
        match self {
            Self::Unchanged => RunState::Finished,
            Self::NeedsConfirmation | Self::FailsApplying => RunState::Unconfirmed,
            Self::Autodeploys => RunState::Applying,
            Self::FailsPlanning => RunState::Failed,
        }
    }
}

/// What a person decided about a run that waits.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    /// The state it puts the run in: confirmed or discarded.
    pub(super) verdict: RunState,
    pub(super) note: Option<String>,
}

/// One change of state.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The state entered.
    pub state: RunState,
    /// When, in Unix seconds.
    pub timestamp: i64,
    /// What the person who caused it wrote.
    pub note: Option<String>,
}

/// One tracked run.
#[derive(Debug, Clone)]
pub struct Run {
    /// 26 characters, sorted by creation like the ULIDs of Spacelift.
    pub id: String,
    /// Who started it; `api::<key id>` for a key.
    pub triggered_by: Option<String>,
    /// What the `Spacelift-User-Provided-Run-Metadata` header of the trigger said.
    pub metadata: Option<String>,
    /// The states so far, oldest first; never empty.
    pub history: Vec<Transition>,
    outcome: Outcome,
    state: RunState,
    entered: SimTime,
}

impl Run {
    pub(super) fn new(id: String, state: RunState, outcome: Outcome, at: SimTime) -> Self {
        let mut run = Self {
            id,
            triggered_by: None,
            metadata: None,
            history: Vec::new(),
            outcome,
            state,
            entered: at,
        };
        run.enter(state, at, None);
        run
    }

    /// The state now.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// When the run was created, in Unix seconds.
    pub fn created_at(&self) -> i64 {
        self.history.first().map_or(0, |first| first.timestamp)
    }

    /// When the run entered its state, in Unix seconds.
    pub fn updated_at(&self) -> i64 {
        self.entered.seconds()
    }

    /// Whether the run keeps later ones in the queue.
    pub(super) fn holds_stack(&self) -> bool {
        self.state != RunState::Queued && !self.state.is_terminal()
    }

    pub(super) fn enter(&mut self, state: RunState, at: SimTime, note: Option<String>) {
        self.state = state;
        self.entered = at;
        self.history.push(Transition {
            state,
            timestamp: at.seconds(),
            note,
        });
    }

    /// Takes the next step if the run has been in its state for `step`; returns when it did.
    pub(super) fn take_due_step(&mut self, now: SimTime, step: Duration) -> Option<SimTime> {
        let due = self.entered.plus(step);
        let next = self.state.next(self.outcome).filter(|_| due <= now)?;
        self.enter(next, due, None);
        Some(due)
    }
}

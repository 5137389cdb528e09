//! How far Kratix has come with an object, read from whatever its status holds.

#[cfg(test)]
mod between_tests;
mod ended;
mod health;
mod live;
mod promise;
#[cfg(test)]
mod promise_tests;
mod request;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::{health::Health, live::Live};

/// The state of one live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Reconciliation {
    /// Where it is.
    pub(in crate::plugins::ske) state: State,
    /// The reason of the condition that decided, in Kratix's word; a word of ours where no condition says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) reason: Option<String>,
    /// The message of that condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) message: Option<String>,
    /// What needs a person's attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) warning: Option<String>,
    /// What is good to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) note: Option<String>,
    /// `metadata.generation`, which counts changes of the specification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) generation: Option<i64>,
    /// `status.observedGeneration`: the last generation whose workflow ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) observed_generation: Option<i64>,
    /// When Kratix tries again by itself what is suspended or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) next_retry_at: Option<String>,
    /// How often it has tried so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) attempts: Option<i64>,
    /// What health checks say of it, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) health: Option<Health>,
    /// The pipelines of the workflow that runs or ran last; empty where Kratix does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::plugins::ske) pipelines: Vec<Pipeline>,
    /// Whether it leads nowhere else by itself, as far as one look can tell.
    #[serde(skip)]
    pub(in crate::plugins::ske) halted: bool,
    /// Since when the condition that decided says so.
    #[serde(skip)]
    pub(in crate::plugins::ske) since: Option<String>,
}

/// The states, in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::plugins::ske) enum State {
    /// The object is not there any more; only waits tell it.
    Gone,
    /// Deletion was asked for and finalizers run.
    Deleting,
    /// The configure workflow failed.
    Failed,
    /// The Promise behind the request, or one that a Promise requires, is not available.
    WaitingForPromise,
    /// Reconciliation is switched off for the object.
    Paused,
    /// A pipeline suspended the workflow; it goes on by itself where `nextRetryAt` says when.
    Suspended,
    /// Pipelines of the configure workflow are running.
    Running,
    /// The newest specification has not been worked through yet.
    Applying,
    /// What the workflow wrote does not arrive at its destinations.
    WorksFailing,
    /// What the workflow wrote is on its way to its destinations.
    WorksPending,
    /// Everything is done.
    Reconciled,
    /// The object is none of Kratix's, and nothing it says is known here.
    Unknown,
}

/// One pipeline as Kratix reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Pipeline {
    /// Its name.
    pub(in crate::plugins::ske) name: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Suspended`; Kratix may add more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) phase: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) message: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) next_retry_at: Option<String>,
    /// How often it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) attempts: Option<i64>,
}

/// Returns the state of a live object; fields of another type than Kratix's count as absent.
///
/// The rules and their order follow Kratix: `observedGeneration` moves only after a workflow that did not fail, so a
/// failure must be looked for before the generations, and the reason of `Reconciled` can be stale. A Promise's state is
/// that of `Available`: its other conditions may stay behind for ever.
pub(in crate::plugins::ske) fn state_of(object: &Value) -> Reconciliation {
    let live = Live::new(object);
    state_in(&live, live.is_kratixs())
}

/// The same for an object of a kind that a Promise offers, which Kratix will take up although no trace of it is there yet.
pub(in crate::plugins::ske) fn state_of_request(object: &Value) -> Reconciliation {
    state_in(&Live::new(object), true)
}

fn state_in(live: &Live<'_>, is_kratixs: bool) -> Reconciliation {
    let found = if live.is_promise() {
        promise::state(live)
    } else {
        request::state(live, is_kratixs)
    };
    found.told_by(live)
}

impl Reconciliation {
    pub(in crate::plugins::ske) fn of(state: State) -> Self {
        Self {
            state,
            reason: None,
            message: None,
            warning: None,
            note: None,
            generation: None,
            observed_generation: None,
            next_retry_at: None,
            attempts: None,
            health: None,
            pipelines: Vec::new(),
            halted: false,
            since: None,
        }
    }

    fn halted(mut self) -> Self {
        self.halted = true;
        self
    }

    fn noted(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }

    /// Adds what the object says whatever its state is.
    fn told_by(mut self, live: &Live<'_>) -> Self {
        self.generation = live.generation();
        self.observed_generation = live.observed_generation().unwrap_or_default();
        self.pipelines = live.pipelines(self.state == State::Deleting);
        if !live.is_paused() {
            self.retried();
        }
        self.health = live.health();
        let unwell = self.health.as_ref().and_then(Health::warning);
        self.warning = self.warning.or(unwell);
        self
    }

    /// What Kratix will try again is not at its end.
    fn retried(&mut self) {
        let can_be_retried = matches!(self.state, State::Failed | State::Suspended | State::Deleting);
        let retried = self.pipelines.iter().find(|one| one.next_retry_at.is_some());
        let Some(retried) = retried.filter(|_| can_be_retried && self.halted) else {
            return;
        };
        self.next_retry_at.clone_from(&retried.next_retry_at);
        self.attempts = retried.attempts;
        self.halted = false;
    }
}

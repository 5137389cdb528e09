//! How far Kratix has come with an object, read from whatever its status holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state of one live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Reconciliation {
    /// Where it is.
    pub(in crate::plugins::ske) state: State,
    /// The reason of the condition that decided, in Kratix's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) reason: Option<String>,
    /// The message of that condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) message: Option<String>,
    /// What somebody must look at.
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
    /// The pipelines of the workflow that runs or ran last; empty where Kratix does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::plugins::ske) pipelines: Vec<Pipeline>,
}

/// The states, in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::plugins::ske) enum State {
    /// Deletion was asked for and finalizers run.
    Deleting,
    /// The configure workflow failed.
    Failed,
    /// The Promise behind the request is not available.
    WaitingForPromise,
    /// Reconciliation is switched off for the object.
    Paused,
    /// A pipeline suspended the workflow.
    Suspended,
    /// The newest specification has not been worked through yet.
    Applying,
    /// Pipelines of the configure workflow are running.
    Running,
    /// What the workflow wrote does not arrive at its destinations.
    WorksFailing,
    /// What the workflow wrote is on its way to its destinations.
    WorksPending,
    /// Everything is done.
    Reconciled,
    /// Nothing that Kratix writes says.
    Unknown,
}

/// One pipeline as Kratix reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::plugins::ske) struct Pipeline {
    /// Its name.
    pub(in crate::plugins::ske) name: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Suspended`; Kratix may add more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) phase: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) message: Option<String>,
}

/// Returns the state of a live object; fields of another type than Kratix's count as absent.
///
/// The rules and their order follow Kratix: `observedGeneration` moves only after a workflow that did not fail, so a
/// failure must be looked for before the generations, and the reason of `Reconciled` can be stale.
pub(in crate::plugins::ske) fn state_of(object: &Value) -> Reconciliation {
    let live = Live::new(object);
    let found = live.deleting().or_else(|| live.failed());
    let found = found.or_else(|| live.waiting()).or_else(|| live.halted());
    let found = found.or_else(|| live.applying()).or_else(|| live.running());
    let found = found.or_else(|| live.works()).unwrap_or_else(|| live.settled());
    Reconciliation {
        generation: live.generation(),
        observed_generation: live.observed_generation().unwrap_or_default(),
        pipelines: live.pipelines(found.state),
        ..found
    }
}

/// The parts of an object that the rules look at.
struct Live<'a> {
    metadata: &'a Value,
    status: &'a Value,
}

/// One condition (Kubernetes API conventions, "Typical status properties").
#[derive(Clone, Copy)]
struct Condition<'a>(&'a Value);

impl<'a> Condition<'a> {
    fn status(self) -> &'a str {
        self.text("status")
    }

    fn reason(self) -> &'a str {
        self.text("reason")
    }

    fn text(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn is(self, status: &str, reason: &str) -> bool {
        self.status() == status && self.reason() == reason
    }

    /// The state this condition decided.
    fn decides(self, state: State) -> Reconciliation {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Reconciliation {
            reason: said(self.reason()),
            message: said(self.text("message")),
            ..Reconciliation::of(state)
        }
    }
}

impl Reconciliation {
    fn of(state: State) -> Self {
        Self {
            state,
            reason: None,
            message: None,
            warning: None,
            note: None,
            generation: None,
            observed_generation: None,
            pipelines: Vec::new(),
        }
    }
}

impl<'a> Live<'a> {
    fn new(object: &'a Value) -> Self {
        Self {
            metadata: &object["metadata"],
            status: &object["status"],
        }
    }

    fn conditions(&self) -> impl Iterator<Item = Condition<'a>> + use<'a> {
        let list = self.status["conditions"]
            .as_array()
            .map_or(&[] as &[Value], Vec::as_slice);
        list.iter()
            .map(Condition)
            .filter(|condition| !condition.text("type").is_empty())
    }

    fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.text("type") == kind)
    }

    fn deleting(&self) -> Option<Reconciliation> {
        if self.metadata["deletionTimestamp"].is_null() {
            return None;
        }
        let workflow = self
            .condition("DeleteWorkflowCompleted")
            .filter(|workflow| workflow.status() == "False");
        let Some(workflow) = workflow else {
            return Some(Reconciliation::of(State::Deleting));
        };
        let mut found = workflow.decides(State::Deleting);
        match workflow.reason() {
            "DeleteWorkflowFailed" => {
                let warning = "The delete workflow failed; the object stays until the workflow succeeds";
                found.warning = Some(warning.to_owned());
            }
            "DeleteWorkflowSuspended" => {
                found.note =
                    Some("The delete workflow is suspended; the object stays until it resumes".to_owned());
            }
            _ => {}
        }
        Some(found)
    }

    fn failed(&self) -> Option<Reconciliation> {
        let workflow = self.condition("ConfigureWorkflowCompleted")?;
        workflow
            .is("False", "ConfigureWorkflowFailed")
            .then(|| workflow.decides(State::Failed))
    }

    fn waiting(&self) -> Option<Reconciliation> {
        let promise = self.condition("PromiseAvailable")?;
        (promise.status() == "False").then(|| promise.decides(State::WaitingForPromise))
    }

    fn halted(&self) -> Option<Reconciliation> {
        let reconciled = self.condition("Reconciled")?;
        if reconciled.is("Unknown", "PausedReconciliation") {
            return Some(reconciled.decides(State::Paused));
        }
        reconciled
            .is("Unknown", "WorkflowSuspended")
            .then(|| reconciled.decides(State::Suspended))
    }

    fn applying(&self) -> Option<Reconciliation> {
        let generation = self.generation()?;
        let observed = match self.observed_generation()? {
            Some(observed) => observed,
            // Kinds that count no generations and have no conditions never begin to.
            None if self.conditions().next().is_some() => 0,
            None => return None,
        };
        (generation > observed).then(|| Reconciliation::of(State::Applying))
    }

    fn running(&self) -> Option<Reconciliation> {
        let workflow = self.condition("ConfigureWorkflowCompleted")?;
        workflow
            .is("False", "PipelinesInProgress")
            .then(|| workflow.decides(State::Running))
    }

    fn works(&self) -> Option<Reconciliation> {
        let works = self.condition("WorksSucceeded")?;
        match works.status() {
            "False" => Some(works.decides(State::WorksFailing)),
            "Unknown" => Some(works.decides(State::WorksPending)),
            _ => None,
        }
    }

    fn settled(&self) -> Reconciliation {
        match self.condition("Reconciled") {
            Some(reconciled) if reconciled.status() == "True" => reconciled.decides(State::Reconciled),
            Some(reconciled) => reconciled.decides(State::Unknown),
            None => Reconciliation::of(State::Unknown),
        }
    }

    fn generation(&self) -> Option<i64> {
        count(&self.metadata["generation"])
    }

    /// `None` when it is there and no number, so that nothing can be said of it; `Some(None)` when it is absent.
    fn observed_generation(&self) -> Option<Option<i64>> {
        match &self.status["observedGeneration"] {
            Value::Null => Some(None),
            value => count(value).map(Some),
        }
    }

    /// Kratix moved the pipelines below the workflow's name; older versions know only those of `configure`.
    fn pipelines(&self, state: State) -> Vec<Pipeline> {
        let workflows = &self.status["kratix"]["workflows"];
        let workflow = if state == State::Deleting {
            "delete"
        } else {
            "configure"
        };
        let moved = workflows[workflow]["pipelines"].as_array();
        let old = || workflows["pipelines"].as_array();
        let list = moved.or_else(old).into_iter().flatten();
        list.filter_map(pipeline).collect()
    }
}

fn count(value: &Value) -> Option<i64> {
    let whole = || {
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as i64)
    };
    value.as_i64().or_else(whole)
}

fn pipeline(value: &Value) -> Option<Pipeline> {
    let text = |field: &str| value.get(field)?.as_str().map(str::to_owned);
    let phase = text("phase").filter(|phase| !phase.is_empty());
    let message = text("message").filter(|message| !message.is_empty());
    Some(Pipeline {
        name: text("name")?,
        phase,
        message,
    })
}

//! What an object's metadata and status say, read tolerantly.

use serde_json::Value;

use super::{Pipeline, Reconciliation, State, health::Health};

/// The label that switches reconciliation off, deletion included.
const PAUSED: &str = "kratix.io/paused";

/// The label that says which Promise a request belongs to.
const PROMISE_NAME: &str = "kratix.io/promise-name";

/// How Kratix's finalizers begin.
const FINALIZER: &str = "kratix.io/";

/// Conditions that only Kratix writes.
const KRATIXS: [&str; 5] = [
    "ConfigureWorkflowCompleted",
    "DeleteWorkflowCompleted",
    "PromiseAvailable",
    "Reconciled",
    "WorksSucceeded",
];

/// The parts of an object that the rules look at.
pub(super) struct Live<'a> {
    object: &'a Value,
    metadata: &'a Value,
    pub(super) status: &'a Value,
}

/// One condition (Kubernetes API conventions, "Typical status properties").
#[derive(Clone, Copy)]
pub(super) struct Condition<'a>(&'a Value);

impl<'a> Condition<'a> {
    pub(super) fn status(self) -> &'a str {
        self.text("status")
    }

    pub(super) fn reason(self) -> &'a str {
        self.text("reason")
    }

    fn text(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is(self, status: &str, reason: &str) -> bool {
        self.status() == status && self.reason() == reason
    }

    /// The state this condition decided.
    pub(super) fn decides(self, state: State) -> Reconciliation {
        let said = |field: &str| Some(self.text(field).to_owned()).filter(|text| !text.is_empty());
        Reconciliation {
            reason: said("reason"),
            message: said("message"),
            since: said("lastTransitionTime"),
            ..Reconciliation::of(state)
        }
    }
}

impl<'a> Live<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self {
            object,
            metadata: &object["metadata"],
            status: &object["status"],
        }
    }

    pub(super) fn is_promise(&self) -> bool {
        let group = self.object["apiVersion"].as_str().unwrap_or_default();
        group.starts_with("platform.kratix.io/") && self.object["kind"] == "Promise"
    }

    /// Whether Kratix has left a trace on it.
    pub(super) fn is_kratixs(&self) -> bool {
        let finalizers = self.metadata["finalizers"].as_array().into_iter().flatten();
        let mut finalizers = finalizers.filter_map(Value::as_str);
        self.promise_name().is_some()
            || self.status["kratix"].is_object()
            || finalizers.any(|finalizer| finalizer.starts_with(FINALIZER))
            || KRATIXS.iter().any(|kind| self.condition(kind).is_some())
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = Condition<'a>> + use<'a> {
        let list = self.status["conditions"].as_array();
        let list = list.into_iter().flatten().map(Condition);
        list.filter(|condition| !condition.text("type").is_empty())
    }

    pub(super) fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.text("type") == kind)
    }

    pub(super) fn deletion(&self) -> Option<&'a str> {
        let asked = &self.metadata["deletionTimestamp"];
        (!asked.is_null()).then(|| asked.as_str().unwrap_or_default())
    }

    pub(super) fn is_paused(&self) -> bool {
        self.metadata["labels"][PAUSED] == "true"
    }

    pub(super) fn promise_name(&self) -> Option<&'a str> {
        self.metadata["labels"][PROMISE_NAME].as_str()
    }

    /// What the last pipeline that wrote it says, or `Pending`.
    pub(super) fn message(&self) -> Option<&'a str> {
        self.status["message"].as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn generation(&self) -> Option<i64> {
        count(&self.metadata["generation"])
    }

    /// `None` when it is there and no number, so that nothing can be said of it; `Some(None)` when it is absent.
    pub(super) fn observed_generation(&self) -> Option<Option<i64>> {
        match &self.status["observedGeneration"] {
            Value::Null => Some(None),
            value => count(value).map(Some),
        }
    }

    /// Whether the suspension is that of an older specification, under which Kratix begins anew.
    pub(super) fn was_suspended_before_the_change(&self) -> bool {
        let workflows = &self.status["kratix"]["workflows"];
        let configure = &workflows["configure"]["suspendedGeneration"];
        let suspended = count(configure).or_else(|| count(&workflows["suspendedGeneration"]));
        matches!((suspended, self.generation()), (Some(suspended), Some(now)) if suspended < now)
    }

    pub(super) fn health(&self) -> Option<Health> {
        Health::read(&self.status["healthStatus"])
    }

    /// Kratix moved the pipelines below the workflow's name; older versions know only one list.
    pub(super) fn pipelines(&self, of_deletion: bool) -> Vec<Pipeline> {
        let workflows = &self.status["kratix"]["workflows"];
        let workflow = if of_deletion { "delete" } else { "configure" };
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
    let filled = |field: &str| text(field).filter(|text| !text.is_empty());
    Some(Pipeline {
        name: text("name")?,
        phase: filled("phase"),
        message: filled("message"),
        next_retry_at: filled("nextRetryAt"),
        attempts: value.get("attempts").and_then(count),
    })
}

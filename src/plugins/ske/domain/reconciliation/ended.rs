//! What is said of a wait that ended elsewhere than asked: the state, why, and where to look.

use serde_json::json;

use super::{Reconciliation, State};
use crate::plugins::ske::domain::ObjectRef;

/// The API group of Promises.
const KRATIX: &str = "platform.kratix.io";

/// Where Kratix runs the pipelines of Promises, unless a Promise says otherwise.
const KRATIXS_NAMESPACE: &str = "kratix-platform-system";

impl Reconciliation {
    /// The sentence of the failed step.
    pub(in crate::plugins::ske) fn ended(&self, object: &ObjectRef) -> String {
        let said = [&self.message, &self.warning, &self.note].into_iter().flatten();
        let said: Vec<_> = said.map(String::as_str).collect();
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {}", said.join(". "))
        };
        let state = json!(self.state);
        let state = state.as_str().unwrap_or_default();
        format!("{object} is in state {state}{said}; {}", self.remedy(object))
    }

    fn remedy(&self, object: &ObjectRef) -> String {
        let made = made_for(object);
        match self.state {
            State::Paused => "remove its label kratix.io/paused to let it go on".to_owned(),
            State::Suspended => "remove its label kratix.io/workflow-suspended to let it go on".to_owned(),
            State::WorksFailing => format!("look at: kubectl describe works {made}"),
            State::Deleting if !self.halted => "ask for it again once it is gone".to_owned(),
            _ => format!("look at: kubectl logs {made} --all-containers"),
        }
    }
}

/// How the objects are found that Kratix makes for a request or a Promise.
fn made_for(object: &ObjectRef) -> String {
    let name = object.name.as_str();
    if object.api_version.group() == KRATIX && object.kind.as_str() == "Promise" {
        return format!("-n {KRATIXS_NAMESPACE} -l kratix.io/promise-name={name}");
    }
    format!("-n {} -l kratix.io/resource-name={name}", object.namespace)
}

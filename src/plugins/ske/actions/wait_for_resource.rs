//! `ske:wait-for-resource`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::{
        domain::{Reconciliation, State},
        operations::{Awaited, Ske},
        permissions,
    },
    Named,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Waits until the platform has done what a resource asks for.
pub(in super::super) struct WaitForResource(pub(super) Arc<Ske>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    #[serde(flatten)]
    named: Named,
    /// The state to wait for; reconciled unless said otherwise.
    state: Option<State>,
    /// How long to wait, in seconds; 120 unless said otherwise. The wait also ends before the caller's sign-in does.
    #[schemars(range(min = 1, max = 240))]
    timeout_seconds: Option<u16>,
    /// Whether the step fails when the wait ends in another state; true unless said otherwise. A wait whose time is up is
    /// no failure.
    fail_on_failure: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Output {
    #[serde(flatten)]
    reconciliation: Reconciliation,
    /// Whether the time was up before the state was reached and while it could still be.
    timed_out: bool,
}

impl Action for WaitForResource {
    const NAME: &'static str = "wait-for-resource";
    const TITLE: &'static str = "Wait for a platform resource";
    const DESCRIPTION: &'static str = "Waits until a Kubernetes object of the platform is reconciled, or in another \
        state, or gone, and returns its state. It also ends when nothing more happens by itself: the workflow failed or \
        is suspended, works keep failing, reconciliation is paused, the object is being deleted. Then it fails with \
        the state and where to look, unless failOnFailure is false. When the time is up before that, it returns the \
        state as it is, with timedOut: true.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = permissions::LOOK;
    type Input = Input;
    type Output = Output;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Wait at most four minutes",
            description: None,
            input: json!({
                "apiVersion": "example.org/v1", "kind": "Database", "name": "orders", "namespace": "shop",
                "timeoutSeconds": 240,
            }),
            output: Some(json!({
                "state": "reconciled", "reason": "Reconciled", "message": "Reconciled", "generation": 2,
                "observedGeneration": 2, "timedOut": false,
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<Output, BackstageError> {
        let awaited = Awaited {
            object: call.input.named.object()?,
            state: call.input.state.unwrap_or(State::Reconciled),
            seconds: call.input.timeout_seconds,
            fail_on_failure: call.input.fail_on_failure.unwrap_or(true),
        };
        let waited = self.0.wait_for_resource(&call.caller, &awaited).await?;
        Ok(Output {
            reconciliation: waited.seen,
            timed_out: waited.timed_out,
        })
    }
}

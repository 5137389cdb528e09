//! `spacelift-io:confirm-run`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::{
    bodies::RunStateBody,
    domain::{RunId, StackId, Verdict},
    service::Spacelift,
    writes::Decision,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
};

/// Lets a waiting run go on.
pub(in super::super) struct ConfirmRun(pub(super) Arc<Spacelift>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The id of the stack, as in the address of its page.
    #[schemars(length(min = 1, max = 255))]
    stack_id: String,
    /// The id of the run, as `trigger-run` gives it.
    #[schemars(length(min = 1, max = 64))]
    run_id: String,
    /// Why; shown beside the run in Spacelift, behind the caller's name.
    #[schemars(length(max = 1000))]
    note: Option<String>,
}

impl Action for ConfirmRun {
    const NAME: &'static str = "confirm-run";
    const TITLE: &'static str = "Confirm a Spacelift run";
    const DESCRIPTION: &'static str = "Lets a run of a Spacelift stack that waits for confirmation apply what it planned, in the caller's name.";
    const ATTRIBUTES: Attributes = Attributes {
        // It applies changes; a second call finds no run that waits.
        destructive: true,
        idempotent: true,
        read_only: false,
    };
    type Input = Input;
    type Output = RunStateBody;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Confirm the run",
            description: None,
            input: json!({
                "stackId": "production-network", "runId": "01JD0000000000000000000000", "note": "Agreed with the team",
            }),
            output: Some(json!({
                "id": "01JD0000000000000000000000",
                "state": "CONFIRMED",
                "url": "https://acme.app.spacelift.io/stack/production-network/run/01JD0000000000000000000000",
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunStateBody, BackstageError> {
        let decision = Decision {
            stack: StackId::new(call.input.stack_id)?,
            run: RunId::new(call.input.run_id)?,
            verdict: Verdict::Confirm,
            note: call.input.note,
        };
        let stack = decision.stack.clone();
        let run = self.0.decide(decision, &call.caller).await?;
        let url = self.0.run_url(&stack, &run.id);
        Ok(RunStateBody::new(run, url))
    }
}

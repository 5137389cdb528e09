//! `spacelift-io:discard-run`

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

/// Drops a waiting run.
pub(in super::super) struct DiscardRun(pub(super) Arc<Spacelift>);

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

impl Action for DiscardRun {
    const NAME: &'static str = "discard-run";
    const TITLE: &'static str = "Discard a Spacelift run";
    const DESCRIPTION: &'static str =
        "Drops a run of a Spacelift stack that waits for confirmation or in the queue, in the caller's name.";
    const ATTRIBUTES: Attributes = Attributes {
        // The plan is gone afterwards; a second call finds no run that waits.
        destructive: true,
        idempotent: true,
        read_only: false,
    };
    type Input = Input;
    type Output = RunStateBody;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Discard the run",
            description: None,
            input: json!({
                "stackId": "production-network", "runId": "01JD0000000000000000000000", "note": "Agreed with the team",
            }),
            output: Some(json!({
                "id": "01JD0000000000000000000000",
                "state": "DISCARDED",
                "url": "https://acme.app.spacelift.io/stack/production-network/run/01JD0000000000000000000000",
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunStateBody, BackstageError> {
        let decision = Decision {
            stack: StackId::new(call.input.stack_id)?,
            run: RunId::new(call.input.run_id)?,
            verdict: Verdict::Discard,
            note: call.input.note,
        };
        let stack = decision.stack.clone();
        let run = self.0.decide(decision, &call.caller).await?;
        let url = self.0.run_url(&stack, &run.id);
        Ok(RunStateBody::new(run, url))
    }
}

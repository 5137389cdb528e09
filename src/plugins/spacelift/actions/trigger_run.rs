//! `spacelift-io:trigger-run`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::{bodies::RunStateBody, domain::StackId, permissions, service::Spacelift};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /stacks/{id}/trigger` does.
pub(in super::super) struct TriggerRun(pub(super) Arc<Spacelift>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The id of the stack, as in the address of its page.
    #[schemars(length(min = 1, max = 255))]
    stack_id: String,
}

impl Action for TriggerRun {
    const NAME: &'static str = "trigger-run";
    const TITLE: &'static str = "Trigger a Spacelift run";
    const DESCRIPTION: &'static str = "Starts a tracked run on a Spacelift stack, in the caller's name. What the run \
        plans is applied after somebody confirms it, or at once where the stack deploys by itself. Calling it again \
        starts another run.";
    const ATTRIBUTES: Attributes = Attributes {
        // A run may change or remove what the stack manages.
        destructive: true,
        idempotent: false,
        read_only: false,
    };
    const NEEDS: Needs = permissions::TRIGGER;
    type Input = Input;
    type Output = RunStateBody;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Start a run",
            description: None,
            input: json!({ "stackId": "production-network" }),
            output: Some(json!({
                "id": "01JD0000000000000000000000",
                "state": "QUEUED",
                "url": "https://acme.app.spacelift.io/stack/production-network/run/01JD0000000000000000000000",
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunStateBody, BackstageError> {
        let stack = StackId::new(call.input.stack_id)?;
        let run = self.0.trigger_run(stack.clone(), &call.caller).await?;
        let url = self.0.run_url(&stack, &run.id);
        Ok(RunStateBody::new(run, url))
    }
}

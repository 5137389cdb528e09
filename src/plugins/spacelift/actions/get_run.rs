//! `spacelift-io:get-run`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    bodies::RunDetailsBody,
    domain::{RunId, StackId},
    permissions,
    service::Spacelift,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Looks at one run.
pub(in super::super) struct GetRun(pub(super) Arc<Spacelift>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The id of the stack, as in the address of its page.
    #[schemars(length(min = 1, max = 255))]
    stack_id: String,
    /// The id of the run, as `trigger-run` gives it.
    #[schemars(length(min = 1, max = 64))]
    run_id: String,
}

impl Action for GetRun {
    const NAME: &'static str = "get-run";
    const TITLE: &'static str = "Get a Spacelift run";
    const DESCRIPTION: &'static str = "Returns a run of a Spacelift stack as it is now.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::any_of(&[permissions::READ_RUNS]);
    type Input = Input;
    type Output = RunDetailsBody;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Look at a run",
            description: None,
            input: json!({ "stackId": "production-network", "runId": "01JD0000000000000000000000" }),
            output: Some(example()),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunDetailsBody, BackstageError> {
        let stack = StackId::new(call.input.stack_id)?;
        let run = RunId::new(call.input.run_id)?;
        let found = self.0.run(&stack, &run, &call.caller).await?;
        let url = self.0.run_url(&stack, &found.id);
        Ok(RunDetailsBody::new(found, url))
    }
}

/// A run as it may look.
pub(super) fn example() -> Value {
    json!({
        "id": "01JD0000000000000000000000",
        "state": "UNCONFIRMED",
        "type": "TRACKED",
        "finished": false,
        "succeeded": false,
        "needsDecision": true,
        "createdAt": 1_767_604_000,
        "updatedAt": 1_767_604_060,
        "triggeredBy": "api::01JC0000000000000000000000",
        "url": "https://acme.app.spacelift.io/stack/production-network/run/01JD0000000000000000000000",
    })
}

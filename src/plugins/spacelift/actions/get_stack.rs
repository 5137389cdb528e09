//! `spacelift-io:get-stack`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{bodies::StackBody, domain::StackId, permissions, service::Spacelift};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Looks at one stack of the list.
pub(in super::super) struct GetStack(pub(super) Arc<Spacelift>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The id of the stack, as in the address of its page.
    #[schemars(length(min = 1, max = 255))]
    stack_id: String,
}

impl Action for GetStack {
    const NAME: &'static str = "get-stack";
    const TITLE: &'static str = "Get a Spacelift stack";
    const DESCRIPTION: &'static str =
        "Returns one Spacelift stack with its state. What it says is at most a few seconds old.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::any_of(&[permissions::READ_STACKS]);
    type Input = Input;
    type Output = StackBody;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Look at a stack",
            description: None,
            input: json!({ "stackId": "production-network" }),
            output: Some(example()),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<StackBody, BackstageError> {
        let stack = StackId::new(call.input.stack_id)?;
        self.0.stack(stack, &call.caller).await
    }
}

/// A stack as it may look.
pub(super) fn example() -> Value {
    json!({
        "id": "production-network",
        "name": "Production network",
        "description": null,
        "labels": ["env:production"],
        "state": "FINISHED",
        "branch": "main",
        "spaceDetails": { "id": "production-01H8ZC2V", "name": "Production" },
    })
}

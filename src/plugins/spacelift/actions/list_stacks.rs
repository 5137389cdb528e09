//! `spacelift-io:list-stacks`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::super::{bodies::StackBody, permissions, service::Spacelift};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example, NoInput},
    error::BackstageError,
    permission::Needs,
};

/// Lists what `GET /stacks` lists.
pub(in super::super) struct ListStacks(pub(super) Arc<Spacelift>);

#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// Every stack the portal's integration key may see, in Spacelift's order.
    stacks: Vec<StackBody>,
}

impl Action for ListStacks {
    const NAME: &'static str = "list-stacks";
    const TITLE: &'static str = "List Spacelift stacks";
    const DESCRIPTION: &'static str = "Lists the Spacelift stacks that this portal sees, with the state of each. The list is at most a few seconds old.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::any_of(&[permissions::READ_STACKS]);
    type Input = NoInput;
    type Output = Output;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "List all stacks",
            description: None,
            input: json!({}),
            output: Some(json!({ "stacks": [super::get_stack::example()] })),
        }]
    }

    async fn invoke(&self, call: Call<NoInput>) -> Result<Output, BackstageError> {
        let list = self.0.list_stacks(&call.caller).await?;
        Ok(Output {
            stacks: list.stacks.clone(),
        })
    }
}

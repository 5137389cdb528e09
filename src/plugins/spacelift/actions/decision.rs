//! What `spacelift-io:confirm-run` and `spacelift-io:discard-run` have in common: the input, and the way to Spacelift.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    bodies::RunStateBody,
    domain::{RunId, StackId, Verdict},
    service::Spacelift,
    writes::Decision,
};
use crate::backstage::{
    actions::{Attributes, Call, Example},
    error::BackstageError,
};

/// It applies changes or drops a plan; a second call finds no run that waits.
pub(super) const ATTRIBUTES: Attributes = Attributes {
    destructive: true,
    idempotent: true,
    read_only: false,
};

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

/// A call with a note, after which the run is in this state.
pub(super) fn example(title: &'static str, state: &str) -> Example {
    Example {
        title,
        description: None,
        input: input(),
        output: Some(json!({
            "id": "01JD0000000000000000000000",
            "state": state,
            "url": "https://acme.app.spacelift.io/stack/production-network/run/01JD0000000000000000000000",
        })),
    }
}

fn input() -> Value {
    json!({ "stackId": "production-network", "runId": "01JD0000000000000000000000", "note": "Agreed with the team" })
}

/// Decides about the run in the caller's name.
///
/// # Errors
/// An id that is none, or whatever Spacelift says.
pub(super) async fn decide(
    spacelift: &Arc<Spacelift>,
    verdict: Verdict,
    call: Call<Input>,
) -> Result<RunStateBody, BackstageError> {
    let decision = Decision {
        stack: StackId::new(call.input.stack_id)?,
        run: RunId::new(call.input.run_id)?,
        verdict,
        note: call.input.note,
    };
    let stack = decision.stack.clone();
    let run = spacelift.decide(decision, &call.caller).await?;
    let url = spacelift.run_url(&stack, &run.id);
    Ok(RunStateBody::new(run, url))
}

//! `spacelift-io:wait-for-run`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::{
    bodies::WaitedBody,
    domain::{RunId, StackId},
    permissions,
    service::Spacelift,
    wait::Awaited,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Waits until a run rests.
pub(in super::super) struct WaitForRun(pub(super) Arc<Spacelift>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The id of the stack, as in the address of its page.
    #[schemars(length(min = 1, max = 255))]
    stack_id: String,
    /// The id of the run, as `trigger-run` gives it.
    #[schemars(length(min = 1, max = 64))]
    run_id: String,
    /// How long to wait, in seconds; 120 unless said otherwise. The wait also ends before the caller's sign-in does.
    #[schemars(range(min = 1, max = 240))]
    timeout_seconds: Option<u16>,
    /// Whether the step fails when the run ends in any other state than FINISHED; true unless said otherwise. A wait whose
    /// time is up and a run that waits for a decision are no failures.
    fail_on_failure: Option<bool>,
}

impl Action for WaitForRun {
    const NAME: &'static str = "wait-for-run";
    const TITLE: &'static str = "Wait for a Spacelift run";
    const DESCRIPTION: &'static str = "Waits until a run of a Spacelift stack is over or waits for a person's decision, \
        and returns it. It fails with the state and the run's address when the run failed or was discarded, canceled, \
        stopped or skipped, unless failOnFailure is false. When the time is up before that, it returns the run as it is, \
        with timedOut: true.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::any_of(&[permissions::READ_RUNS]);
    type Input = Input;
    type Output = WaitedBody;

    fn examples() -> Vec<Example> {
        let mut output = super::get_run::example();
        output["timedOut"] = json!(false);
        vec![Example {
            title: "Wait at most four minutes",
            description: None,
            input: json!({
                "stackId": "production-network", "runId": "01JD0000000000000000000000", "timeoutSeconds": 240,
            }),
            output: Some(output),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<WaitedBody, BackstageError> {
        let stack = StackId::new(call.input.stack_id)?;
        let run = RunId::new(call.input.run_id)?;
        let awaited = Awaited {
            stack: &stack,
            run: &run,
            seconds: call.input.timeout_seconds,
            fail_on_failure: call.input.fail_on_failure.unwrap_or(true),
        };
        let waited = self.0.wait_for_run(awaited, &call.caller).await?;
        let url = self.0.run_url(&stack, &waited.seen.id);
        Ok(WaitedBody::new(waited, url))
    }
}

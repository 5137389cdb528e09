//! `spacelift-io:discard-run`

use std::sync::Arc;

use super::{
    super::{bodies::RunStateBody, domain::Verdict, permissions, service::Spacelift},
    decision::{self, Input, decide},
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Drops a waiting run.
pub(in super::super) struct DiscardRun(pub(super) Arc<Spacelift>);

impl Action for DiscardRun {
    const NAME: &'static str = "discard-run";
    const TITLE: &'static str = "Discard a Spacelift run";
    const DESCRIPTION: &'static str =
        "Drops a run of a Spacelift stack that waits for confirmation or in the queue, in the caller's name.";
    const ATTRIBUTES: Attributes = decision::ATTRIBUTES;
    const NEEDS: Needs = permissions::DISCARD;
    type Input = Input;
    type Output = RunStateBody;

    fn examples() -> Vec<Example> {
        vec![decision::example("Discard the run", "DISCARDED")]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunStateBody, BackstageError> {
        decide(&self.0, Verdict::Discard, call).await
    }
}

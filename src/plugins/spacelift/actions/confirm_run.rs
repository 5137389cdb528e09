//! `spacelift-io:confirm-run`

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

/// Lets a waiting run go on.
pub(in super::super) struct ConfirmRun(pub(super) Arc<Spacelift>);

impl Action for ConfirmRun {
    const NAME: &'static str = "confirm-run";
    const TITLE: &'static str = "Confirm a Spacelift run";
    const DESCRIPTION: &'static str = "Lets a run of a Spacelift stack that waits for confirmation apply what it planned, in the caller's name.";
    const ATTRIBUTES: Attributes = decision::ATTRIBUTES;
    const NEEDS: Needs = permissions::CONFIRM;
    type Input = Input;
    type Output = RunStateBody;

    fn examples() -> Vec<Example> {
        vec![decision::example("Confirm the run", "CONFIRMED")]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<RunStateBody, BackstageError> {
        decide(&self.0, Verdict::Confirm, call).await
    }
}

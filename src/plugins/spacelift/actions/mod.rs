//! What Templates, agents and scripts can run by name: one operation per file, one line each below.

mod confirm_run;
mod decision;
mod discard_run;
mod get_run;
mod get_stack;
mod list_stacks;
mod trigger_run;
mod wait_for_run;

use std::sync::Arc;

use super::service::Spacelift;
use crate::backstage::actions::Actions;

/// All actions of the plugin, in the order in which they are listed.
pub(super) fn all(spacelift: &Arc<Spacelift>) -> Actions {
    Actions::new()
        .add(list_stacks::ListStacks(Arc::clone(spacelift)))
        .add(get_stack::GetStack(Arc::clone(spacelift)))
        .add(trigger_run::TriggerRun(Arc::clone(spacelift)))
        .add(get_run::GetRun(Arc::clone(spacelift)))
        .add(wait_for_run::WaitForRun(Arc::clone(spacelift)))
        .add(confirm_run::ConfirmRun(Arc::clone(spacelift)))
        .add(discard_run::DiscardRun(Arc::clone(spacelift)))
}

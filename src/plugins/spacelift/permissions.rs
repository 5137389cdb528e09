//! What a caller may be allowed to do with Spacelift.

use crate::backstage::permission::{Action, Permission};

/// Everything the plugin asks for.
pub(super) const ALL: &[Permission] = &[READ_STACKS, READ_RUNS, TRIGGER_RUNS, CONFIRM_RUNS, DISCARD_RUNS];

/// Needed to see the stacks.
pub(super) const READ_STACKS: Permission = Permission::new("spacelift.stack.read", Action::Read);

/// Needed to see runs.
pub(super) const READ_RUNS: Permission = Permission::new("spacelift.run.read", Action::Read);

/// Needed to let a run apply what it planned.
pub(super) const CONFIRM_RUNS: Permission = Permission::new("spacelift.run.confirm", Action::Update);

/// Needed to drop what a run planned.
pub(super) const DISCARD_RUNS: Permission = Permission::new("spacelift.run.discard", Action::Update);

/// Needed to start a run.
pub(super) const TRIGGER_RUNS: Permission = Permission::new("spacelift.run.trigger", Action::Update);

//! What a caller may be allowed to do with Spacelift.

use crate::backstage::permission::{Action, Permission};

/// Needed to see the stacks.
pub(super) const READ_STACKS: Permission = Permission {
    name: "spacelift.stack.read",
    action: Action::Read,
};

/// Needed to start a run.
pub(super) const TRIGGER_RUNS: Permission = Permission {
    name: "spacelift.run.trigger",
    action: Action::Update,
};

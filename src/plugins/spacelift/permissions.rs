//! What a caller may be allowed to do with Spacelift.

use crate::backstage::{
    audit::AuditEvent,
    permission::{Action, Needs, Permission},
};

/// The audit event of changing what runs do.
pub(super) const RUN_MUTATE: AuditEvent = AuditEvent::mutate("run-mutate");

/// What a trigger needs. The stock page's button calls directly.
pub(super) const TRIGGER: Needs = Needs::any_of(&[TRIGGER_RUNS]).recorded(RUN_MUTATE, "trigger");

/// What a confirmation needs.
pub(super) const CONFIRM: Needs = Needs::any_of(&[CONFIRM_RUNS])
    .through_plugins()
    .recorded(RUN_MUTATE, "confirm");

/// What a discard needs.
pub(super) const DISCARD: Needs = Needs::any_of(&[DISCARD_RUNS])
    .through_plugins()
    .recorded(RUN_MUTATE, "discard");

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

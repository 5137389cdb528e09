//! What a caller may be allowed to do with the platform.

use crate::backstage::{
    audit::AuditEvent,
    permission::{Action, Needs, Permission},
};

/// Audit events of changing something.
pub(super) const MUTATE: AuditEvent = AuditEvent::mutate("resource-mutate");
pub(super) const PENDING_MUTATE: AuditEvent = AuditEvent::mutate("pending-request-mutate");
pub(super) const PULL_REQUEST_MUTATE: AuditEvent = AuditEvent::mutate("pull-request-mutate");

/// What looking needs.
pub(super) const LOOK: Needs = Needs::any_of(&[READ]);

/// What configuring needs; which of the two is known only later.
pub(super) const CONFIGURE: Needs = Needs::any_of(&[CREATE, UPDATE])
    .through_plugins()
    .recorded(MUTATE, "configure");

/// What deleting needs. The stock page's button calls directly.
pub(super) const REMOVE: Needs = Needs::any_of(&[DELETE]).recorded(MUTATE, "delete");

/// What recording needs.
pub(super) const NOTE_DOWN: Needs = Needs::any_of(&[RECORD])
    .through_plugins()
    .recorded(PENDING_MUTATE, "record");

/// What asking by pull request needs.
pub(super) const PROPOSE: Needs = Needs::any_of(&[OPEN_PULL_REQUEST])
    .through_plugins()
    .recorded(PULL_REQUEST_MUTATE, "propose");

/// What publishing needs.
pub(super) const PUBLISH: Needs = Needs::any_of(&[OPEN_PULL_REQUEST])
    .through_plugins()
    .recorded(PULL_REQUEST_MUTATE, "publish");

/// Everything the plugin asks for.
pub(super) const ALL: &[Permission] = &[
    READ,
    CREATE,
    UPDATE,
    DELETE,
    LIST_PENDING,
    RECORD,
    OPEN_PULL_REQUEST,
];

/// Needed to read an object or its state.
pub(super) const READ: Permission = Permission::new("ske.resource.read", Action::Read);

/// Needed to make an object that is not there yet.
pub(super) const CREATE: Permission = Permission::new("ske.resource.create", Action::Create);

/// Needed to change an object.
pub(super) const UPDATE: Permission = Permission::new("ske.resource.update", Action::Update);

/// Needed to delete an object.
pub(super) const DELETE: Permission = Permission::new("ske.resource.delete", Action::Delete);

/// Needed to see what is recorded.
pub(super) const LIST_PENDING: Permission = Permission::new("ske.pending-request.read", Action::Read);

/// Needed to record a request.
pub(super) const RECORD: Permission = Permission::new("ske.pending-request.create", Action::Create);

/// Needed to write to a repository of `stagedoor.ske.repositories`.
pub(super) const OPEN_PULL_REQUEST: Permission = Permission::new("ske.pull-request.create", Action::Create);

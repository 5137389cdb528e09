//! What a caller may be allowed to do with the platform.

use crate::backstage::permission::{Action, Permission};

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

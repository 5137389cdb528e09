//! What a caller must have before anything of what was sent is read.

use std::ops::Deref;

use super::{Permission, Verdicts};
use crate::backstage::{
    audit::AuditEvent, auth::Credentials, error::BackstageError, write_callers::WriteCallers,
};

/// What an operation needs of its caller. Routes and actions declare it, since without it nothing can be read.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    pub(super) any_of: &'static [Permission],
    /// Whether the caller has to come on a way of `stagedoor.actions.writeCallers`.
    through_plugins: bool,
    /// What a refusal is recorded as.
    pub(super) recorded: Option<(AuditEvent, &'static str)>,
}

impl Needs {
    /// Nothing: every caller who is let in may do it.
    pub const NOTHING: Self = Self::any_of(&[]);

    /// One of these permissions, on whatever way.
    pub const fn any_of(any_of: &'static [Permission]) -> Self {
        Self {
            any_of,
            through_plugins: false,
            recorded: None,
        }
    }

    /// And a way of `stagedoor.actions.writeCallers`.
    #[must_use]
    pub const fn through_plugins(mut self) -> Self {
        self.through_plugins = true;
        self
    }

    /// Records a refusal as this event with this `actionType`.
    #[must_use]
    pub const fn recorded(mut self, event: AuditEvent, action: &'static str) -> Self {
        self.recorded = Some((event, action));
        self
    }

    pub(super) fn judge(
        &self,
        caller: &Credentials,
        verdicts: Verdicts,
        callers: &WriteCallers,
    ) -> Result<Judged, BackstageError> {
        verdicts.require_any()?;
        if self.through_plugins {
            callers.admit(caller)?;
        }
        Ok(Judged {
            caller: caller.clone(),
            verdicts,
        })
    }
}

/// A caller who has what an operation needs; only for such a one a body is read.
#[derive(Debug, Clone)]
pub struct Judged {
    caller: Credentials,
    verdicts: Verdicts,
}

impl Judged {
    /// One who was judged by other means than permissions.
    pub(super) fn already(caller: &Credentials) -> Self {
        Self {
            caller: caller.clone(),
            verdicts: Verdicts::default(),
        }
    }

    /// What was decided, for operations that learn only later which permission they need.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }
}

impl Deref for Judged {
    type Target = Credentials;

    fn deref(&self) -> &Credentials {
        &self.caller
    }
}

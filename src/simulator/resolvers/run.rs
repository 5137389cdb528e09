//! Fields of a run and of its history.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};

use super::super::run::{Run, Transition};

/// A run on the wire.
pub(super) struct RunNode {
    run: Run,
}

impl RunNode {
    pub(super) fn resolved<'a>(run: Run) -> ResolvedValue<'a> {
        ResolvedValue::object(Self { run })
    }

    fn history<'a>(&self) -> ResolvedValue<'a> {
        let newest_first: Vec<_> = self.run.history.iter().rev().cloned().collect();
        let nodes = newest_first
            .into_iter()
            .map(|transition| ResolvedValue::object(TransitionNode { transition }));
        ResolvedValue::list(nodes)
    }
}

impl ObjectValue for RunNode {
    fn type_name(&self) -> &str {
        "Run"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let run = &self.run;
        match info.field_name() {
            "id" => Ok(ResolvedValue::leaf(run.id.as_str())),
            "state" => Ok(ResolvedValue::leaf(run.state().as_str())),
            "type" => Ok(ResolvedValue::leaf("TRACKED")),
            "title" => Ok(ResolvedValue::leaf("Tracked run")),
            "branch" => Ok(ResolvedValue::leaf("main")),
            "createdAt" => Ok(ResolvedValue::leaf(run.created_at())),
            "updatedAt" => Ok(ResolvedValue::leaf(run.updated_at())),
            "triggeredBy" => Ok(ResolvedValue::leaf(run.triggered_by.as_deref())),
            "finished" => Ok(ResolvedValue::leaf(run.state().is_terminal())),
            "history" => Ok(self.history()),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

struct TransitionNode {
    transition: Transition,
}

impl ObjectValue for TransitionNode {
    fn type_name(&self) -> &str {
        "RunStateTransition"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let transition = &self.transition;
        match info.field_name() {
            "state" => Ok(ResolvedValue::leaf(transition.state.as_str())),
            // No state is entered twice here: there are no replans.
            "stateVersion" => Ok(ResolvedValue::leaf(0)),
            "timestamp" => Ok(ResolvedValue::leaf(transition.timestamp)),
            "hasLogs" => Ok(ResolvedValue::leaf(false)),
            "terminal" => Ok(ResolvedValue::leaf(transition.state.is_terminal())),
            "note" => Ok(ResolvedValue::leaf(transition.note.as_deref())),
            "username" => Ok(ResolvedValue::null()),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

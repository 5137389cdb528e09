//! Fields of a stack and of its space.

use std::sync::Arc;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};

use super::{
    super::stack::{Space, Stack},
    run::RunNode,
    text_argument,
};

/// Runs on one page; the real number is not public.
const RUNS_PER_PAGE: usize = 50;

/// A stack on the wire.
pub(super) struct StackNode {
    pub(super) stack: Arc<Stack>,
}

impl ObjectValue for StackNode {
    fn type_name(&self) -> &str {
        "Stack"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let stack = &*self.stack;
        if stack.nulls.contains(&info.field_name()) {
            return Ok(ResolvedValue::null());
        }
        match info.field_name() {
            "id" => Ok(ResolvedValue::leaf(stack.id.as_str())),
            "name" => Ok(ResolvedValue::leaf(stack.name.as_str())),
            "description" => Ok(ResolvedValue::leaf(stack.description.as_deref())),
            "labels" => Ok(ResolvedValue::list(
                stack
                    .labels
                    .iter()
                    .map(|label| ResolvedValue::leaf(label.as_str())),
            )),
            "state" => Ok(ResolvedValue::leaf(stack.state.as_str())),
            "stateSetAt" => Ok(ResolvedValue::leaf(stack.state_set_at)),
            "branch" => Ok(ResolvedValue::leaf(stack.branch.as_str())),
            "repository" => Ok(ResolvedValue::leaf(stack.repository.as_str())),
            "namespace" => Ok(ResolvedValue::leaf("example")),
            "projectRoot" => Ok(ResolvedValue::leaf(stack.project_root.as_deref())),
            "createdAt" => Ok(ResolvedValue::leaf(stack.created_at)),
            "space" => Ok(ResolvedValue::leaf(stack.space.id.as_str())),
            "spaceDetails" => Ok(ResolvedValue::object(SpaceNode {
                space: stack.space.clone(),
            })),
            "isDisabled" => Ok(ResolvedValue::leaf(stack.is_disabled)),
            "canWrite" => Ok(ResolvedValue::leaf(stack.can_write)),
            "autodeploy" => Ok(ResolvedValue::leaf(stack.autodeploys())),
            "lockedAt" | "lockedBy" | "lockNote" => Ok(self.lock(info.field_name())),
            "blocker" | "run" | "runs" => Ok(self.runs(info)),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl StackNode {
    fn lock(&self, field: &str) -> ResolvedValue<'_> {
        let Some(lock) = &self.stack.lock else {
            return ResolvedValue::null();
        };
        match field {
            "lockedAt" => ResolvedValue::leaf(lock.at),
            "lockedBy" => ResolvedValue::leaf(lock.by.as_str()),
            _ => ResolvedValue::leaf(lock.note.as_deref()),
        }
    }

    fn runs(&self, info: &ResolveInfo<'_>) -> ResolvedValue<'_> {
        let one = match info.field_name() {
            "runs" => return self.page_of_runs(text_argument(info, "before")),
            "run" => self.stack.run(text_argument(info, "id").unwrap_or_default()),
            _ => self.stack.blocker(),
        };
        one.map_or_else(ResolvedValue::null, |run| RunNode::resolved(run.clone()))
    }

    /// Newest first; the next page starts before the run with the id given.
    fn page_of_runs(&self, before: Option<&str>) -> ResolvedValue<'_> {
        let older = |run: &&super::super::run::Run| before.is_none_or(|before| run.id.as_str() < before);
        let page = self.stack.runs.iter().rev().filter(older).take(RUNS_PER_PAGE);
        let page: Vec<_> = page.map(|run| RunNode::resolved(run.clone())).collect();
        ResolvedValue::list(page)
    }
}

/// A space on the wire.
pub(super) struct SpaceNode {
    pub(super) space: Space,
}

impl ObjectValue for SpaceNode {
    fn type_name(&self) -> &str {
        "Space"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "id" => Ok(ResolvedValue::leaf(self.space.id.as_str())),
            "name" => Ok(ResolvedValue::leaf(self.space.name.as_str())),
            "description" => Ok(ResolvedValue::leaf("")),
            "parentSpace" => Ok(ResolvedValue::leaf("root")),
            "inheritEntities" => Ok(ResolvedValue::leaf(true)),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

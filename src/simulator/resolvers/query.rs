//! The root of queries. Without a valid session everything is empty or null, and nothing is an error.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use parking_lot::Mutex;

use super::{
    super::{stack::Space, world::World},
    stack::{SpaceNode, StackNode},
    text_argument,
};

/// Query fields for one caller.
pub(in crate::simulator) struct QueryRoot<'w> {
    pub(in crate::simulator) world: &'w Mutex<World>,
    /// Whether the request carried a live session.
    pub(in crate::simulator) session: bool,
}

impl ObjectValue for QueryRoot<'_> {
    fn type_name(&self) -> &str {
        "Query"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "viewer" => Ok(self.viewer()),
            "stacks" => Ok(self.stacks()),
            "stack" => Ok(self.stack(text_argument(info, "id").unwrap_or_default())),
            "spaces" => Ok(self.spaces()),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl QueryRoot<'_> {
    fn viewer<'a>(&self) -> ResolvedValue<'a> {
        let key = self.session.then(|| self.world.lock().sessions.key().to_owned());
        ResolvedValue::nullable_object(key.map(|key| UserNode { key, session: None }))
    }

    fn stacks<'a>(&self) -> ResolvedValue<'a> {
        if !self.session {
            return ResolvedValue::list([]);
        }
        let stacks = self.world.lock().visible_stacks();
        let nodes = stacks
            .into_iter()
            .map(|stack| ResolvedValue::object(StackNode { stack }));
        ResolvedValue::list(nodes)
    }

    fn stack<'a>(&self, id: &str) -> ResolvedValue<'a> {
        let stack = self
            .session
            .then(|| self.world.lock().visible_stack(id))
            .flatten();
        ResolvedValue::nullable_object(stack.map(|stack| StackNode { stack }))
    }

    fn spaces<'a>(&self) -> ResolvedValue<'a> {
        let mut spaces: Vec<Space> = Vec::new();
        if self.session {
            for stack in self.world.lock().visible_stacks() {
                if !spaces.contains(&stack.space) {
                    spaces.push(stack.space.clone());
                }
            }
        }
        let nodes = spaces
            .into_iter()
            .map(|space| ResolvedValue::object(SpaceNode { space }));
        ResolvedValue::list(nodes)
    }
}

/// The key as a user; with a session only in the answer to a login.
pub(super) struct UserNode {
    pub(super) key: String,
    pub(super) session: Option<super::super::sessions::Session>,
}

impl ObjectValue for UserNode {
    fn type_name(&self) -> &str {
        "User"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let session = self.session.as_ref();
        match info.field_name() {
            "id" => Ok(ResolvedValue::leaf(format!("api::{}", self.key))),
            "name" | "login" => Ok(ResolvedValue::leaf("Backstage")),
            "admin" => Ok(ResolvedValue::leaf(false)),
            "type" => Ok(ResolvedValue::leaf("API_KEY")),
            "jwt" => Ok(ResolvedValue::leaf(session.map(|session| session.token.clone()))),
            "validUntil" => Ok(ResolvedValue::leaf(session.map(|session| session.valid_until))),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

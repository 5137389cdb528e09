//! The root of mutations. All but the login need a live session, else the error is `unauthorized`.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use parking_lot::Mutex;

use super::{
    super::{
        run::{Decision, RunState},
        settings::WrongKeyAnswer,
        world::{Origin, UNAUTHORIZED, World},
    },
    field_error,
    query::UserNode,
    run::RunNode,
    text_argument,
};

/// Mutation fields for one caller.
pub(in crate::simulator) struct MutationRoot<'w> {
    pub(in crate::simulator) world: &'w Mutex<World>,
    /// Whether the request carried a live session.
    pub(in crate::simulator) session: bool,
    pub(in crate::simulator) origin: Origin,
}

impl ObjectValue for MutationRoot<'_> {
    fn type_name(&self) -> &str {
        "Mutation"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "apiKeyUser" => self.log_in(info),
            _ if !self.session => Err(field_error(UNAUTHORIZED)),
            "runTrigger" => self.trigger(info),
            "runConfirm" => self.decide(info, RunState::Confirmed),
            "runDiscard" => self.decide(info, RunState::Discarded),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl MutationRoot<'_> {
    fn log_in<'a>(&self, info: &ResolveInfo<'_>) -> Result<ResolvedValue<'a>, FieldError> {
        let key = text_argument(info, "id").unwrap_or_default();
        let secret = text_argument(info, "secret").unwrap_or_default();
        let mut world = self.world.lock();
        let now = world.now;
        match (world.sessions.log_in(key, secret, now), &world.wrong_key) {
            (None, WrongKeyAnswer::Error(message)) => Err(field_error(message)),
            (session, _) => Ok(ResolvedValue::nullable_object(session.map(|session| UserNode {
                key: key.to_owned(),
                session: Some(session),
            }))),
        }
    }

    fn trigger<'a>(&self, info: &ResolveInfo<'_>) -> Result<ResolvedValue<'a>, FieldError> {
        let stack = text_argument(info, "stack").unwrap_or_default();
        let run = self.world.lock().trigger(stack, self.origin.clone());
        run.map(RunNode::resolved).map_err(field_error)
    }

    fn decide<'a>(&self, info: &ResolveInfo<'_>, verdict: RunState) -> Result<ResolvedValue<'a>, FieldError> {
        let stack = text_argument(info, "stack").unwrap_or_default();
        let note = text_argument(info, "note").map(str::to_owned);
        let decision = Decision { verdict, note };
        let run = self
            .world
            .lock()
            .decide(stack, text_argument(info, "run"), decision);
        run.map(RunNode::resolved).map_err(field_error)
    }
}

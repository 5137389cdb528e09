//! The operations of `schema/spacelift/operations.graphql` as Rust, and their way into domain types.

use graphql_client::GraphQLQuery;
use serde::{Deserialize, de::IgnoredAny};

use super::domain::{Lock, Run, RunDetails, RunState, RunType, Space, Stack, StackState, Writability};

/// An operation with what our headers say about it.
pub(super) trait Operation: GraphQLQuery {
    /// The operation's name.
    const NAME: &'static str;
    /// The header that labels it: `Spacelift-GraphQL-Query` or `Spacelift-GraphQL-Mutation`.
    const LABEL_HEADER: &'static str;
}

macro_rules! operations {
    ($($operation:ident is a $kind:literal),* $(,)?) => {$(
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "schema/spacelift/schema.graphql",
            query_path = "schema/spacelift/operations.graphql",
            extern_enums("StackState", "RunState", "RunType")
        )]
        pub(super) struct $operation;

        impl Operation for $operation {
            const NAME: &'static str = stringify!($operation);
            const LABEL_HEADER: &'static str = concat!("spacelift-graphql-", $kind);
        }
    )*};
}

operations! {
    LogIn is a "mutation",
    ListStacks is a "query",
    TriggerRun is a "mutation",
    ExplainRefusal is a "query",
    CheckAccess is a "query",
    GetRun is a "query",
    ConfirmRun is a "mutation",
    DiscardRun is a "mutation",
    ExplainDecision is a "query",
}

/// A query that also asks who we are, because a dead session is told by nothing else.
pub(super) trait Query: Operation {
    /// Whether the answer names a viewer.
    fn viewer_known(data: &Self::ResponseData) -> bool;
}

macro_rules! queries {
    ($($query:ident),* $(,)?) => {$(
        impl Query for $query {
            fn viewer_known(data: &Self::ResponseData) -> bool {
                data.viewer.is_some()
            }
        }
    )*};
}

queries!(ListStacks, ExplainRefusal, CheckAccess, GetRun, ExplainDecision);

/// A mutation that answers with the run it is about.
pub(super) trait RunMutation: Operation {
    /// The run, if the answer has one.
    fn run(data: Self::ResponseData) -> Option<Run>;
}

impl RunMutation for TriggerRun {
    fn run(data: Self::ResponseData) -> Option<Run> {
        data.run_trigger.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
}

impl RunMutation for ConfirmRun {
    fn run(data: Self::ResponseData) -> Option<Run> {
        data.run_confirm.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
}

impl RunMutation for DiscardRun {
    fn run(data: Self::ResponseData) -> Option<Run> {
        data.run_discard.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
}

/// The body of an answer. Has no debug output: that of a login would show the session.
#[derive(Deserialize)]
pub(super) struct Reply<T> {
    pub(super) data: Option<T>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) errors: Vec<ReplyError>,
    /// Whether there was data beside the errors that could not be read.
    #[serde(skip)]
    pub(super) misfit: bool,
}

/// One entry of `errors`; clients rely on the message alone, and no code is known.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReplyError {
    #[serde(default)]
    pub(super) message: String,
    /// Which field failed, should be a list.
    path: Option<serde_json::Value>,
    pub(super) extensions: Option<serde_json::Value>,
}

impl ReplyError {
    /// Whether it is about a field of a result, which an operation has only after it took effect.
    pub(super) fn is_about_the_result(&self) -> bool {
        let path = self.path.as_ref().and_then(serde_json::Value::as_array);
        path.is_some_and(|path| path.len() > 1)
    }
}

impl<T: for<'de> Deserialize<'de>> Reply<T> {
    /// Decodes an answer. Beside errors, data that does not fit counts as missing, so that their text is not lost.
    pub(super) fn decode(body: &[u8]) -> serde_json::Result<Self> {
        let errors = serde_json::from_slice::<Reply<IgnoredAny>>(body)?.errors;
        if errors.is_empty() {
            return serde_json::from_slice(body);
        }
        let data = serde_json::from_slice::<DataOnly<T>>(body).map(|reply| reply.data);
        Ok(Self {
            misfit: data.is_err(),
            data: data.ok().flatten(),
            errors,
        })
    }
}

#[derive(Deserialize)]
struct DataOnly<T> {
    data: Option<T>,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<ReplyError>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl From<list_stacks::ListStacksStacks> for Stack {
    fn from(stack: list_stacks::ListStacksStacks) -> Self {
        Self {
            id: stack.id,
            name: stack.name,
            description: stack.description,
            labels: stack.labels,
            state: stack.state,
            branch: stack.branch,
            space: Space {
                id: stack.space_details.id,
                name: stack.space_details.name,
            },
        }
    }
}

impl From<get_run::GetRunStackRun> for RunDetails {
    fn from(run: get_run::GetRunStackRun) -> Self {
        Self {
            finished: run.finished.unwrap_or_else(|| run.state.is_last()),
            id: run.id,
            state: run.state,
            kind: run.type_,
            created_at: run.created_at,
            updated_at: run.updated_at,
            triggered_by: run.triggered_by.filter(|by| !by.is_empty()),
        }
    }
}

impl From<explain_refusal::ExplainRefusalStack> for Writability {
    fn from(stack: explain_refusal::ExplainRefusalStack) -> Self {
        Self {
            can_write: stack.can_write,
            disabled: stack.is_disabled,
            lock: Lock::new(stack.locked_by, stack.locked_at, stack.lock_note),
        }
    }
}

impl From<explain_decision::ExplainDecisionStack> for Writability {
    fn from(stack: explain_decision::ExplainDecisionStack) -> Self {
        Self {
            can_write: stack.can_write,
            disabled: stack.is_disabled,
            lock: Lock::new(stack.locked_by, stack.locked_at, stack.lock_note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type ListReply = Reply<list_stacks::ResponseData>;

    #[test]
    fn an_unknown_state_and_an_unknown_field_do_not_lose_the_list() {
        let body = br#"{"data":{"viewer":{"id":"u"},"stacks":[{"id":"a","name":"A","description":null,"labels":[],
            "state":"TELEPORTING","branch":"main","surprise":1,"spaceDetails":{"id":"s","name":"S","more":[]}}]}}"#;
        let stacks = ListReply::decode(body).unwrap().data.unwrap().stacks.unwrap();
        let stack = Stack::from(stacks.into_iter().next().unwrap());
        assert_eq!(stack.state, StackState("TELEPORTING".into()));
    }

    #[test]
    fn the_text_of_an_error_survives_data_that_does_not_fit() {
        let reply =
            ListReply::decode(br#"{"data":{"stacks":[null]},"errors":[{"message":"boom","x":1}]}"#).unwrap();
        assert!(reply.data.is_none() && reply.misfit);
        assert_eq!(reply.errors[0].message, "boom");
        let reply = ListReply::decode(br#"{"data":null,"errors":[{"message":"boom"}]}"#).unwrap();
        assert!(reply.data.is_none() && !reply.misfit);
    }

    #[test]
    fn an_error_is_about_the_result_if_its_path_leads_into_it() {
        for (path, is) in [
            (r#"["runTrigger","state"]"#, true),
            (r#"["stacks",0]"#, true),
            (r#"["runTrigger"]"#, false),
            ("[]", false),
            ("null", false),
            (r#""runTrigger.state""#, false),
        ] {
            let body = format!(r#"{{"data":null,"errors":[{{"message":"boom","path":{path}}}]}}"#);
            let reply = ListReply::decode(body.as_bytes()).unwrap();
            assert_eq!(reply.errors[0].is_about_the_result(), is, "{path}");
        }
        let reply = ListReply::decode(br#"{"errors":[{"message":"boom"}]}"#).unwrap();
        assert!(!reply.errors[0].is_about_the_result());
    }

    #[test]
    fn errors_may_be_null_and_an_answer_that_is_no_object_is_refused() {
        assert!(ListReply::decode(br#"{"data":{"viewer":null,"stacks":[]},"errors":null}"#).is_ok());
        for body in [&b"<html>"[..], b"[]", b"3", b"{\"data\":{\"stacks\":[{\"id\""] {
            assert!(ListReply::decode(body).is_err());
        }
    }
}

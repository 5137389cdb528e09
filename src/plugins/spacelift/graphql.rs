//! The operations of `schema/spacelift/operations` as Rust, and their way into domain types.

use graphql_client::GraphQLQuery;

use super::{
    domain::{Lock, Run, RunDetails, RunState, RunType, Space, Stack, StackState, Writability},
    listed::{self, Listed},
    reply::Reply,
};

/// An operation with what our headers say about it, and how its answer is read.
pub(super) trait Operation: GraphQLQuery {
    /// The operation's name.
    const NAME: &'static str;
    /// The header that labels it: `Spacelift-GraphQL-Query` or `Spacelift-GraphQL-Mutation`.
    const LABEL_HEADER: &'static str;
    /// What an answer is read as.
    type Data;
    /// Reads an answer.
    fn decode(body: &[u8]) -> serde_json::Result<Reply<Self::Data>>;
}

macro_rules! operations {
    ($($operation:ident is a $kind:literal in $file:tt read by $decode:path as $data:ty),* $(,)?) => {$(
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "schema/spacelift/schema.graphql",
            query_path = $file,
            extern_enums("StackState", "RunState", "RunType")
        )]
        pub(super) struct $operation;

        impl Operation for $operation {
            const NAME: &'static str = stringify!($operation);
            const LABEL_HEADER: &'static str = concat!("spacelift-graphql-", $kind);
            type Data = $data;
            fn decode(body: &[u8]) -> serde_json::Result<Reply<$data>> {
                $decode(body)
            }
        }
    )*};
}

operations! {
    LogIn is a "mutation" in "schema/spacelift/operations/log_in.graphql"
        read by Reply::decode as log_in::ResponseData,
    ListStacks is a "query" in "schema/spacelift/operations/list_stacks.graphql"
        read by listed::decode as Listed,
    TriggerRun is a "mutation" in "schema/spacelift/operations/trigger_run.graphql"
        read by Reply::decode as trigger_run::ResponseData,
    ExplainRefusal is a "query" in "schema/spacelift/operations/explain_refusal.graphql"
        read by Reply::decode as explain_refusal::ResponseData,
    CheckAccess is a "query" in "schema/spacelift/operations/check_access.graphql"
        read by Reply::decode as check_access::ResponseData,
    GetRun is a "query" in "schema/spacelift/operations/get_run.graphql"
        read by Reply::decode as get_run::ResponseData,
    ConfirmRun is a "mutation" in "schema/spacelift/operations/confirm_run.graphql"
        read by Reply::decode as confirm_run::ResponseData,
    DiscardRun is a "mutation" in "schema/spacelift/operations/discard_run.graphql"
        read by Reply::decode as discard_run::ResponseData,
    ExplainDecision is a "query" in "schema/spacelift/operations/explain_decision.graphql"
        read by Reply::decode as explain_decision::ResponseData,
}

/// A query that also asks who we are, because a dead session is told by nothing else.
pub(super) trait Query: Operation {
    /// Whether the answer names a viewer.
    fn viewer_known(data: &Self::Data) -> bool;
    /// Whether what was asked for is there, so that errors about parts of it leave the rest usable.
    fn has_answer(data: &Self::Data) -> bool;
}

macro_rules! queries {
    ($($query:ident answers $data:ident if $has_answer:expr),* $(,)?) => {$(
        impl Query for $query {
            fn viewer_known(data: &Self::Data) -> bool {
                data.viewer.is_some()
            }

            fn has_answer($data: &Self::Data) -> bool {
                $has_answer
            }
        }
    )*};
}

queries!(
    ListStacks answers data if data.stacks.is_some(),
    ExplainRefusal answers data if data.stack.is_some(),
    CheckAccess answers data if data.stacks.is_some(),
    GetRun answers data if data.stack.as_ref().is_some_and(|stack| stack.run.is_some()),
    ExplainDecision answers data if data.stack.as_ref().is_some_and(|stack| stack.run.is_some()),
);

/// A mutation that answers with the run it is about.
pub(super) trait RunMutation: Operation {
    /// The run, if the answer has one.
    fn run(data: Self::Data) -> Option<Run>;
}

impl RunMutation for TriggerRun {
    fn run(data: Self::Data) -> Option<Run> {
        data.run_trigger.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
}

impl RunMutation for ConfirmRun {
    fn run(data: Self::Data) -> Option<Run> {
        data.run_confirm.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
}

impl RunMutation for DiscardRun {
    fn run(data: Self::Data) -> Option<Run> {
        data.run_discard.map(|run| Run {
            id: run.id,
            state: run.state,
        })
    }
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

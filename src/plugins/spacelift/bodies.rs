//! The JSON the frontend plugin reads, field for field and in the order the Node plugin writes it.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    domain::{Run, RunDetails, Space, Stack},
    error::SpaceliftError,
    listed::{OddStack, Sorted},
};
use crate::{
    backstage::waiting::Waited,
    infra::http_server::{JsonResponse, PreparedJson},
};

/// A stack, as the list and the actions show it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct StackBody {
    /// The slug, as in the address of the stack's page.
    pub(super) id: String,
    /// The name people see.
    name: String,
    /// What people wrote about it.
    description: Option<String>,
    /// Such as `env:production`.
    labels: Vec<String>,
    /// Such as FINISHED; Spacelift may add new ones.
    state: String,
    /// The branch it follows.
    branch: String,
    /// The space it belongs to.
    #[serde(rename = "spaceDetails")]
    space_details: SpaceBody,
}

/// A space.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct SpaceBody {
    /// The id.
    id: String,
    /// The name people see.
    name: String,
}

#[derive(Serialize)]
struct RunBody<'a> {
    id: &'a str,
    state: &'a str,
}

impl From<Stack> for StackBody {
    fn from(stack: Stack) -> Self {
        Self {
            id: stack.id,
            name: stack.name,
            description: stack.description,
            labels: stack.labels,
            state: stack.state.0,
            branch: stack.branch,
            space_details: SpaceBody::from(stack.space),
        }
    }
}

impl From<Space> for SpaceBody {
    fn from(space: Space) -> Self {
        Self {
            id: space.id,
            name: space.name,
        }
    }
}

/// The list: as it is sent, and as whoever wants some of it looks into it. Both, because reading back what was written
/// would cost each look as much as the whole list.
#[derive(Debug)]
pub(super) struct StacksBody {
    /// What is sent.
    pub(super) json: PreparedJson,
    /// What it says.
    pub(super) stacks: Vec<StackBody>,
    /// What is left out.
    pub(super) odd: Vec<OddStack>,
}

/// Serialises the list once for all who will get it.
pub(super) fn prepare(list: Sorted) -> Result<Arc<StacksBody>, SpaceliftError> {
    let odd = list.odd;
    let stacks: Vec<_> = list.stacks.into_iter().map(StackBody::from).collect();
    let written = serde_json::to_vec(&stacks).map_err(|_| SpaceliftError::Abandoned)?;
    let json = PreparedJson::new(written);
    Ok(Arc::new(StacksBody { json, stacks, odd }))
}

/// One stack.
pub(super) fn stack(stack: &StackBody) -> Result<JsonResponse, SpaceliftError> {
    JsonResponse::new(StatusCode::OK, stack).map_err(|_| SpaceliftError::Abandoned)
}

/// A run, as the actions and the routes of our own show it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunDetailsBody {
    /// The id of the run.
    id: String,
    /// Such as UNCONFIRMED; Spacelift may add new ones.
    state: String,
    /// Such as TRACKED or PROPOSED. Null, as the other nullable fields, where this Spacelift does not tell.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Whether the run is over, well or not.
    finished: bool,
    /// Whether the run is over and well.
    succeeded: bool,
    /// Whether the run stays as it is until somebody confirms, discards or reviews it.
    needs_decision: bool,
    /// When it was made, in Unix seconds.
    created_at: Option<i64>,
    /// When it entered its state, in Unix seconds.
    updated_at: Option<i64>,
    /// Who started it; for a run of this portal the integration key. Null for a push.
    triggered_by: Option<String>,
    /// Where a person finds the run.
    url: String,
}

impl RunDetailsBody {
    /// The run with its address.
    pub(super) fn new(run: RunDetails, url: String) -> Self {
        Self {
            finished: run.finished,
            succeeded: run.succeeded(),
            needs_decision: run.state.waits_for_somebody(),
            id: run.id,
            state: run.state.0,
            kind: run.kind.map(|kind| kind.0),
            created_at: run.created_at,
            updated_at: run.updated_at,
            triggered_by: run.triggered_by,
            url,
        }
    }
}

/// How a wait for a run ended.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitedBody {
    #[serde(flatten)]
    run: RunDetailsBody,
    /// Whether the time was up before the run came to rest.
    timed_out: bool,
}

impl WaitedBody {
    /// The outcome with the run's address.
    pub(super) fn new(waited: Waited<RunDetails>, url: String) -> Self {
        Self {
            run: RunDetailsBody::new(waited.seen, url),
            timed_out: waited.timed_out,
        }
    }
}

/// A run that was started or decided about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct RunStateBody {
    /// The id of the run.
    id: String,
    /// Its state now.
    state: String,
    /// Where a person finds the run.
    url: String,
}

impl RunStateBody {
    /// The run with its address.
    pub(super) fn new(run: Run, url: String) -> Self {
        Self {
            id: run.id,
            state: run.state.0,
            url,
        }
    }
}

/// The answer to a trigger.
pub(super) fn run_started(run: &Run) -> Result<JsonResponse, SpaceliftError> {
    let body = RunBody {
        id: &run.id,
        state: &run.state.0,
    };
    JsonResponse::new(StatusCode::OK, &body).map_err(|_| SpaceliftError::Abandoned)
}

#[cfg(test)]
mod tests {
    use super::{super::domain::StackState, *};

    #[test]
    fn a_stack_is_written_in_the_node_plugins_order() {
        let stack = Stack {
            id: "a".into(),
            name: "A \"quoted\"".into(),
            description: None,
            labels: vec!["env:prod".into()],
            state: StackState("FINISHED".into()),
            branch: "main".into(),
            space: Space {
                id: "s".into(),
                name: "S".into(),
            },
        };
        let expected = r#"[{"id":"a","name":"A \"quoted\"","description":null,"labels":["env:prod"],"state":"FINISHED","branch":"main","spaceDetails":{"id":"s","name":"S"}}]"#;
        let sorted = Sorted {
            stacks: vec![stack],
            odd: Vec::new(),
        };
        let list = prepare(sorted).unwrap();
        assert_eq!(list.json.body().as_ref(), expected.as_bytes());
        assert_eq!(serde_json::to_string(&list.stacks).unwrap(), expected);
        assert_eq!(prepare(Sorted::default()).unwrap().json.body().as_ref(), b"[]");
    }
}

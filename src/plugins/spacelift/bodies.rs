//! The JSON the frontend plugin reads, field for field and in the order the Node plugin writes it.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;

use super::{
    domain::{Run, Space, Stack},
    error::SpaceliftError,
};
use crate::infra::http_server::{JsonResponse, PreparedJson};

#[derive(Serialize)]
struct StackBody<'a> {
    id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    labels: &'a [String],
    state: &'a str,
    branch: &'a str,
    #[serde(rename = "spaceDetails")]
    space_details: SpaceBody<'a>,
}

#[derive(Serialize)]
struct SpaceBody<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct RunBody<'a> {
    id: &'a str,
    state: &'a str,
}

impl<'a> From<&'a Stack> for StackBody<'a> {
    fn from(stack: &'a Stack) -> Self {
        Self {
            id: &stack.id,
            name: &stack.name,
            description: stack.description.as_deref(),
            labels: &stack.labels,
            state: &stack.state.0,
            branch: &stack.branch,
            space_details: SpaceBody::from(&stack.space),
        }
    }
}

impl<'a> From<&'a Space> for SpaceBody<'a> {
    fn from(space: &'a Space) -> Self {
        Self {
            id: &space.id,
            name: &space.name,
        }
    }
}

/// Serialises the list once for all who will get it.
pub(super) fn prepare(stacks: &[Stack]) -> Result<Arc<PreparedJson>, SpaceliftError> {
    let bodies: Vec<_> = stacks.iter().map(StackBody::from).collect();
    let written = serde_json::to_vec(&bodies).map_err(|_| SpaceliftError::Abandoned)?;
    Ok(Arc::new(PreparedJson::new(written)))
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
        assert_eq!(prepare(&[stack]).unwrap().body().as_ref(), expected.as_bytes());
        assert_eq!(prepare(&[]).unwrap().body().as_ref(), b"[]");
    }
}

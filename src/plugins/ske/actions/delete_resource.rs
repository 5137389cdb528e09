//! `ske:delete-resource`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    super::{operations::Ske, permissions},
    Named,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /delete-resource` does.
pub(in super::super) struct DeleteResource(pub(super) Arc<Ske>);

/// What the route answers: the cluster's own answer, or `commitHash`.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(in super::super) struct Output(#[schemars(with = "Map<String, Value>")] Value);

impl Action for DeleteResource {
    const NAME: &'static str = "delete-resource";
    const TITLE: &'static str = "Delete a platform resource";
    const DESCRIPTION: &'static str = "Deletes a Kubernetes object of the platform and returns the cluster's answer: a Status, or the object \
         while it is being taken down. In the modes gitops and hybrid it is taken out of the platform's repository, \
         and the output is commitHash.";
    const ATTRIBUTES: Attributes = Attributes {
        destructive: true,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = permissions::REMOVE;
    type Input = Named;
    type Output = Output;

    fn examples() -> Vec<Example> {
        let input = json!({
            "apiVersion": "example.org/v1", "kind": "Database", "name": "orders", "namespace": "shop",
        });
        vec![
            Example {
                title: "Delete at the cluster",
                description: None,
                input: input.clone(),
                output: Some(json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" })),
            },
            Example {
                title: "Delete through the repository",
                description: Some("In the modes gitops and hybrid."),
                input,
                output: Some(json!({ "commitHash": "9fceb02d0ae598e95dc970b74767f19372d61af8" })),
            },
        ]
    }

    async fn invoke(&self, call: Call<Named>) -> Result<Output, BackstageError> {
        let object = call.input.object()?;
        Ok(Output(self.0.delete_resource(&call.caller, &object).await?))
    }
}

//! `ske:get-resource`

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

/// Does what `GET /resource` does.
pub(in super::super) struct GetResource(pub(super) Arc<Ske>);

#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Output {
    /// The whole object.
    #[schemars(with = "Map<String, Value>")]
    manifest: Value,
}

impl Action for GetResource {
    const NAME: &'static str = "get-resource";
    const TITLE: &'static str = "Get a platform resource";
    const DESCRIPTION: &'static str = "Returns a Kubernetes object of the platform as it is now; in the mode gitops as it was last committed.";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = permissions::LOOK;
    type Input = Named;
    type Output = Output;

    fn examples() -> Vec<Example> {
        let (metadata, spec) = (
            json!({ "name": "orders", "namespace": "shop" }),
            json!({ "size": "small" }),
        );
        let manifest = json!({
            "apiVersion": "example.org/v1", "kind": "Database", "metadata": metadata, "spec": spec,
        });
        vec![Example {
            title: "Look at a resource",
            description: None,
            input: json!({
                "apiVersion": "example.org/v1", "kind": "Database", "name": "orders", "namespace": "shop",
            }),
            output: Some(json!({ "manifest": manifest })),
        }]
    }

    async fn invoke(&self, call: Call<Named>) -> Result<Output, BackstageError> {
        let object = call.input.object()?;
        let manifest = self.0.get_resource(&call.caller, &object).await?;
        Ok(Output { manifest })
    }
}

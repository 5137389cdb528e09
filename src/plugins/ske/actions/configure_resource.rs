//! `ske:configure-resource`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    domain::TextOrObject,
    operations::{ConfigureOrder, Configured, IfExists, Ske},
    permissions,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /configure-resource` does.
pub(in super::super) struct ConfigureResource(pub(super) Arc<Ske>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// One Kubernetes object, as YAML or JSON text or as an object.
    #[schemars(with = "TextOrObject")]
    manifest: Value,
    /// What becomes of an object that is there already: update, unless said otherwise, or fail.
    if_exists: Option<IfExists>,
}

impl Action for ConfigureResource {
    const NAME: &'static str = "configure-resource";
    const TITLE: &'static str = "Configure a platform resource";
    const DESCRIPTION: &'static str = "Creates the Kubernetes object of the manifest, or updates it: each top-level \
        field of the manifest, such as spec, replaces the present one as a whole. In the modes gitops and hybrid the \
        object is committed to the platform's repository.";
    const ATTRIBUTES: Attributes = Attributes {
        // What a field held before is gone; the same manifest again changes nothing.
        destructive: true,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = permissions::CONFIGURE;
    type Input = Input;
    type Output = Configured;

    fn examples() -> Vec<Example> {
        let text = "apiVersion: example.org/v1\nkind: Database\nmetadata:\n  name: orders\n  namespace: shop\nspec:\n  size: small\n";
        let object = json!({
            "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": "orders", "namespace": "shop" },
            "spec": { "size": "small" },
        });
        vec![
            Example {
                title: "Create or update at the cluster",
                description: None,
                input: json!({ "manifest": text }),
                output: Some(
                    json!({ "resourceId": "7c7a5b5e-2f0e-4d0c-9d0a-4f2b8f7f6a11", "created": true }),
                ),
            },
            Example {
                title: "Create or update through the repository",
                description: Some("In the modes gitops and hybrid."),
                input: json!({ "manifest": object }),
                output: Some(
                    json!({ "commitsha": "9fceb02d0ae598e95dc970b74767f19372d61af8", "created": false }),
                ),
            },
        ]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<Configured, BackstageError> {
        let order = ConfigureOrder {
            manifest: call.input.manifest,
            if_exists: call.input.if_exists.unwrap_or_default(),
        };
        Ok(self.0.configure_resource(&call.caller, order).await?)
    }
}

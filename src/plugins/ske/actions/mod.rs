//! What Templates, agents and scripts can run by name: one operation per file, one line each below.

mod configure_resource;
mod delete_resource;
mod get_resource;
mod open_pull_request;
mod publish_catalog;
mod record_request;
mod wait_for_resource;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{domain::ObjectRef, error::SkeError, operations::Ske};
use crate::backstage::actions::Actions;

/// Why `ske:write-manifest` is not among them.
const NO_WORKSPACE: &str = "it writes into the scaffolder's workspace, which is in the portal's backend and out of reach of any service \
     beside it; write the file with a step 'fetch:template', or give the manifest to 'ske:configure-resource'";

/// Why what writes to repositories is not among them.
const NO_REPOSITORY: &str =
    "stagedoor.ske.repositories lists no repository where it may write; add one, and restart";

/// All actions of the plugin, in the order in which they are listed.
pub(super) fn all(ske: &Arc<Ske>) -> Actions {
    let actions = Actions::new()
        .add(configure_resource::ConfigureResource(Arc::clone(ske)))
        .add(get_resource::GetResource(Arc::clone(ske)))
        .add(wait_for_resource::WaitForResource(Arc::clone(ske)))
        .add(delete_resource::DeleteResource(Arc::clone(ske)))
        .add(record_request::RecordRequest(Arc::clone(ske)))
        .explain_absence("write-manifest", NO_WORKSPACE);
    if !ske.writes_repositories() {
        return actions
            .explain_absence("open-pull-request", NO_REPOSITORY)
            .explain_absence("publish-catalog", NO_REPOSITORY);
    }
    actions
        .add(open_pull_request::OpenPullRequest(Arc::clone(ske)))
        .add(publish_catalog::PublishCatalog(Arc::clone(ske)))
}

/// The input that names an object.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    /// Such as apps/v1, or v1 for the core group.
    #[schemars(length(min = 1, max = 317))]
    api_version: String,
    /// Such as ConfigMap; case matters.
    #[schemars(length(min = 1, max = 63))]
    kind: String,
    /// The name.
    #[schemars(length(min = 1, max = 253))]
    name: String,
    /// The namespace; default unless said otherwise. Kinds without namespaces ignore it.
    #[schemars(length(max = 63))]
    namespace: Option<String>,
}

impl Named {
    /// The object of this name.
    ///
    /// # Errors
    /// The first part that is none of Kubernetes'.
    fn object(&self) -> Result<ObjectRef, SkeError> {
        let namespace = self.namespace.as_deref();
        Ok(ObjectRef::parse(
            &self.api_version,
            &self.kind,
            namespace,
            &self.name,
        )?)
    }
}

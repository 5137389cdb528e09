//! `ske:open-pull-request`

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    domain::TextOrObject,
    operations::{OpenedPullRequest, PullRequestOrder, Ske},
    permissions,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /pull-requests` does.
pub(in super::super) struct OpenPullRequest(pub(super) Arc<Ske>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The resource, as YAML or JSON text or as an object.
    #[schemars(with = "TextOrObject")]
    manifest: Value,
    /// The Promise it is requested of.
    #[schemars(length(min = 1, max = 253))]
    promise_name: String,
    /// The repository, as the field RepoUrlPicker gives it (github.com?owner=O&repo=R) or as an https address.
    #[schemars(length(min = 1, max = 1000))]
    repo_url: String,
    /// What is asked for; Request unless said otherwise. Delete removes the file of the resource.
    action: Option<Intent>,
    /// The branch the pull request goes to; the repository's default branch unless said otherwise.
    #[schemars(length(max = 250))]
    target_branch: Option<String>,
    /// The title; by default what is asked for and of which resource.
    #[schemars(length(max = 255))]
    title: Option<String>,
    /// The text of the pull request; who asked is added to it.
    #[schemars(length(max = 60000))]
    description: Option<String>,
}

/// The words of the form.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(in super::super) enum Intent {
    Request,
    Update,
    Delete,
}

impl Action for OpenPullRequest {
    const NAME: &'static str = "open-pull-request";
    const TITLE: &'static str = "Ask for a platform resource by pull request";
    const DESCRIPTION: &'static str = "Puts the resource's manifest on a branch of its own, as \
        kratix-requests/<promise>/<namespace>/<name>.yaml, and opens a pull request (GitHub) or merge request (GitLab), or \
        reuses the open one. Deletions have their own branch. Only for repositories in stagedoor.ske.repositories.";
    const ATTRIBUTES: Attributes = Attributes {
        // Nothing that is in force is changed: somebody has to merge it.
        destructive: false,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = permissions::PROPOSE;
    type Input = Input;
    type Output = OpenedPullRequest;

    fn examples() -> Vec<Example> {
        let text = "apiVersion: example.org/v1\nkind: Database\nmetadata:\n  name: orders\n  namespace: shop\nspec:\n  size: small\n";
        vec![Example {
            title: "Ask for a database",
            description: None,
            input: json!({
                "manifest": text, "promiseName": "database", "repoUrl": "github.com?owner=acme&repo=requests",
                "action": "Request",
            }),
            output: Some(json!({
                "remoteUrl": "https://github.com/acme/requests/pull/12",
                "branchName": "backstage/database/shop/orders",
                "commitSha": "9fceb02d0ae598e95dc970b74767f19372d61af8", "created": true,
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<OpenedPullRequest, BackstageError> {
        let order = call.input.into();
        Ok(self.0.open_pull_request(&call.caller, order).await?)
    }
}

impl From<Input> for PullRequestOrder {
    fn from(input: Input) -> Self {
        Self {
            manifest: input.manifest,
            promise_name: input.promise_name,
            repo_url: input.repo_url,
            action: input.action.map(|intent| format!("{intent:?}")),
            target_branch: input.target_branch,
            title: input.title,
            description: input.description,
        }
    }
}

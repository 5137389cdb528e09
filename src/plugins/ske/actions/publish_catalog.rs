//! `ske:publish-catalog`

use std::sync::Arc;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::super::{
    operations::{CatalogOrder, Published, Ske},
    permissions,
};
use crate::backstage::{
    actions::{Action, Attributes, Call, Example},
    error::BackstageError,
    permission::Needs,
};

/// Does what `POST /publish-catalog` does.
pub(in super::super) struct PublishCatalog(pub(super) Arc<Ske>);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Input {
    /// The document itself, as YAML text: one or more entities. Comments are not kept.
    content: Option<String>,
    /// A file of the scaffolder's workspace, which is out of reach: give content instead.
    file_path: Option<String>,
    /// Path of the file from the repository's root.
    #[schemars(length(min = 1, max = 1000))]
    target_path: String,
    /// The repository, as an https address or in the form github.com?owner=O&repo=R.
    #[schemars(length(min = 1, max = 1000))]
    repo_url: String,
    /// The branch to commit to, which must be there.
    #[schemars(length(min = 1, max = 250))]
    branch_name: String,
    /// The kind of server; what counts is the host's entry in integrations.
    #[serde(rename = "type")]
    #[expect(
        dead_code,
        reason = "accepted as documented; the entry of integrations decides"
    )]
    kind: Option<Server>,
    /// A token of the caller's own instead of the configured credential. It is shown to the repository's host alone.
    #[schemars(length(max = 4000))]
    token: Option<String>,
    /// Accepted as documented; a token needs none.
    #[expect(dead_code, reason = "accepted as documented; a token needs none")]
    username: Option<String>,
    /// The commit's message; who asked is added to it.
    #[schemars(length(max = 2000))]
    commit_message: Option<String>,
    /// The commit's author; by default whoever the credential belongs to.
    default_author: Option<Author>,
}

/// The kinds of server.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Server {
    GitHub,
    GitLab,
}

/// A person or service as commits name it.
#[derive(Deserialize, JsonSchema)]
pub(in super::super) struct Author {
    /// The name.
    name: String,
    /// The address.
    email: String,
}

impl Action for PublishCatalog {
    const NAME: &'static str = "publish-catalog";
    const TITLE: &'static str = "Publish a catalog file";
    const DESCRIPTION: &'static str = "Commits a document of catalog entities to a branch of a repository and returns the \
        commit. Only for repositories in stagedoor.ske.repositories; the default branch only when it is named there.";
    const ATTRIBUTES: Attributes = Attributes {
        // What the file held before is gone from the branch.
        destructive: true,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = permissions::PUBLISH;
    type Input = Input;
    type Output = Published;

    fn examples() -> Vec<Example> {
        let content = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\nspec:\n  type: service\n  \
                       lifecycle: production\n  owner: team-a\n";
        vec![Example {
            title: "Publish a component",
            description: None,
            input: json!({
                "content": content, "targetPath": "components/catalog-info.yaml", "repoUrl": "https://github.com/acme/catalog",
                "branchName": "main", "type": "github",
            }),
            output: Some(json!({
                "commitSha": "9fceb02d0ae598e95dc970b74767f19372d61af8", "targetPath": "components/catalog-info.yaml",
            })),
        }]
    }

    async fn invoke(&self, call: Call<Input>) -> Result<Published, BackstageError> {
        Ok(self.0.publish_catalog(&call.caller, call.input.into()).await?)
    }
}

impl From<Input> for CatalogOrder {
    fn from(input: Input) -> Self {
        Self {
            file_path: input.file_path,
            content: input.content,
            target_path: input.target_path,
            repo_url: input.repo_url,
            branch_name: input.branch_name,
            token: input
                .token
                .filter(|token| !token.is_empty())
                .map(SecretString::from),
            commit_message: input.commit_message,
            author: input.default_author.map(|author| (author.name, author.email)),
        }
    }
}

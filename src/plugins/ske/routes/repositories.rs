//! `/pull-requests`, `/publish-catalog`: what the actions of the same purpose do, for scripts.

use std::sync::Arc;

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{answer, optional};
use crate::{
    backstage::{auth::Credentials, error::BackstageError, unread::Unread},
    plugins::ske::{
        operations::{CatalogOrder, PullRequestOrder, Ske},
        permissions,
    },
};

pub(super) async fn open_pull_request(
    ske: Arc<Ske>,
    caller: Credentials,
    body: Unread,
) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::PROPOSE).await?;
    let mut fields = body.fields(&caller).await?;
    let order = PullRequestOrder {
        promise_name: needed(&fields, "promiseName")?,
        repo_url: needed(&fields, "repoUrl")?,
        action: text(&fields, "action")?,
        target_branch: text(&fields, "targetBranch")?,
        title: text(&fields, "title")?,
        description: text(&fields, "description")?,
        manifest: fields.shift_remove("manifest").unwrap_or_default(),
    };
    answer(&ske.open_pull_request(&caller, order).await?)
}

pub(super) async fn publish_catalog(
    ske: Arc<Ske>,
    caller: Credentials,
    body: Unread,
) -> Result<Response, BackstageError> {
    let caller = ske.judge(&caller, &permissions::PUBLISH).await?;
    let fields = body.fields(&caller).await?;
    let order = CatalogOrder {
        file_path: text(&fields, "filePath")?,
        content: text(&fields, "content")?,
        target_path: needed(&fields, "targetPath")?,
        repo_url: needed(&fields, "repoUrl")?,
        branch_name: needed(&fields, "branchName")?,
        token: text(&fields, "token")?.map(SecretString::from),
        commit_message: text(&fields, "commitMessage")?,
        author: author(&fields)?,
    };
    answer(&ske.publish_catalog(&caller, order).await?)
}

fn author(fields: &Map<String, Value>) -> Result<Option<(String, String)>, BackstageError> {
    match fields.get("defaultAuthor") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(author)) => Ok(Some((needed(author, "name")?, needed(author, "email")?))),
        Some(_) => Err(BackstageError::input(
            "The parameter 'defaultAuthor' must be an object with name and email",
        )),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, BackstageError> {
    Ok(optional(fields, name)?.map(str::to_owned))
}

fn needed(fields: &Map<String, Value>, name: &str) -> Result<String, BackstageError> {
    let missing = || BackstageError::input(format!("The parameter '{name}' is missing"));
    text(fields, name)?.ok_or_else(missing)
}

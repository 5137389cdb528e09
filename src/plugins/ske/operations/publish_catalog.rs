//! Commits a document for the catalog to a repository.

use std::sync::Arc;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::json;
use tracing::info;

use super::{
    Judged, PULL_REQUEST_MUTATE, Ske,
    open_pull_request::{branch, given, recorded},
};
use crate::{
    backstage::{
        auth::Credentials,
        integrations::{FileChange, FileCommit, RepositoryAddress},
        user_text::encode_user_text,
    },
    infra::parsing::parsed,
    plugins::ske::{
        config::Config,
        domain::{CatalogDocument, Invalid, Writable, catalog_message},
        error::SkeError,
        gitops,
        repository::RepositoryError,
    },
};

/// Longest part of an author, in characters.
const LONGEST_AUTHOR: usize = 200;

/// What a caller wants to be published, as it came.
#[derive(Default)]
pub(in crate::plugins::ske) struct CatalogOrder {
    /// A file of the scaffolder's workspace, which nobody here can read.
    pub(in crate::plugins::ske) file_path: Option<String>,
    /// The documents.
    pub(in crate::plugins::ske) content: Option<String>,
    /// Where they go.
    pub(in crate::plugins::ske) target_path: String,
    /// The repository.
    pub(in crate::plugins::ske) repo_url: String,
    /// The branch.
    pub(in crate::plugins::ske) branch_name: String,
    /// The caller's own credential.
    pub(in crate::plugins::ske) token: Option<SecretString>,
    /// The commit's message.
    pub(in crate::plugins::ske) commit_message: Option<String>,
    /// Name and address of the author.
    pub(in crate::plugins::ske) author: Option<(String, String)>,
}

/// The outcome, as the action's output names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Published {
    /// The commit that holds the file.
    commit_sha: String,
    /// Where the file is.
    target_path: String,
}

impl Ske {
    /// Commits the documents to the branch, unless they are there already.
    ///
    /// # Errors
    /// The caller may not, the repository, branch or path may not be written, or the code host refuses.
    pub(in crate::plugins::ske) async fn publish_catalog(
        self: &Arc<Self>,
        caller: &Judged,
        order: CatalogOrder,
    ) -> Result<Published, SkeError> {
        let (repository, path) = (recorded(&order.repo_url), encode_user_text(&order.target_path));
        let about = || json!({ "actionType": "publish", "repository": repository, "path": path });
        let trail = self.audit.begin(PULL_REQUEST_MUTATE, caller, about);
        let (ske, caller) = (Arc::clone(self), caller.clone());
        let work = async move { ske.permitted_publication(&caller, order).await };
        let more = |published: &Published| json!({ "commit": published.commit_sha });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }

    async fn permitted_publication(
        &self,
        caller: &Credentials,
        order: CatalogOrder,
    ) -> Result<Published, SkeError> {
        let principal = encode_user_text(caller.subject().unwrap_or("nobody"));
        let callers_token = order.token.is_some();
        let (config, by) = (self.config.get(), principal.clone());
        let (address, wanted) = parsed(move || commit(&config, order, &by)).await?;
        let committed = self.code_hosts.current().commit(&address, &wanted).await;
        let commit_sha = committed.map_err(|error| match callers_token {
            true => SkeError::CallersToken(error),
            false => SkeError::CodeHost(error),
        })?;
        let (target_path, repository) = (
            wanted.file.path.to_string(),
            encode_user_text(&address.to_string()),
        );
        let (commit, path) = (commit_sha.as_str(), encode_user_text(&target_path));
        info!(principal, repository, commit, "Published {path} for the catalog");
        Ok(Published {
            commit_sha,
            target_path,
        })
    }
}

/// Judges the order and says what is to be done where.
fn commit(
    config: &Config,
    order: CatalogOrder,
    principal: &str,
) -> Result<(RepositoryAddress, FileCommit), SkeError> {
    let content = content(&order)?;
    let repository = RepositoryAddress::parse(&order.repo_url);
    let repository = repository.map_err(|problem| Invalid(format!("repoUrl: {problem}")))?;
    let missing = || Invalid("branchName is missing; name the branch to commit to".to_owned());
    let branch = branch("branchName", given(Some(&order.branch_name)))?.ok_or_else(missing)?;
    let writable = Writable::find(&config.repositories, &repository)?;
    let path = writable.catalog_file(&order.target_path)?;
    writable.admit(&path)?;
    let documents = CatalogDocument::all(content)?;
    documents.iter().try_for_each(CatalogDocument::admit)?;
    let message = catalog_message(order.commit_message.as_deref(), path.as_str(), principal)?;
    let content = written(path.as_str(), &documents)?;
    let wanted = FileCommit {
        may_be_default: writable.may_be_default(&branch)?,
        branch,
        file: FileChange {
            path,
            content: Some(content),
            sealed_by: gitops::sealed_file,
        },
        message,
        author: order.author.map(author).transpose()?,
        token: order.token.as_ref().map(own_token).transpose()?,
    };
    Ok((writable.address.clone(), wanted))
}

/// The caller's own credential, without the line end that a token from a file often has.
fn own_token(given: &SecretString) -> Result<SecretString, Invalid> {
    let token = given.expose_secret().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "token must be a token: one line of visible ASCII characters, and not blank";
        return Err(Invalid(what.to_owned()));
    }
    Ok(SecretString::from(token))
}

fn content(order: &CatalogOrder) -> Result<&str, Invalid> {
    let content = given(order.content.as_deref());
    content.ok_or_else(|| {
        let why = match given(order.file_path.as_deref()) {
            Some(_) => {
                "filePath names a file in the scaffolder's workspace, which is in the portal's backend and out of reach of \
                 any service beside it; give the document itself as content"
            }
            None => "content is missing; give the document as YAML text",
        };
        Invalid(why.to_owned())
    })
}

/// One text of all documents, which every reader reads alike.
fn written(path: &str, documents: &[CatalogDocument]) -> Result<String, SkeError> {
    let mut texts = Vec::new();
    for document in documents {
        let bytes = gitops::create(path, &document.value).map_err(RepositoryError::from)?;
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(texts.join("---\n"))
}

fn author((name, email): (String, String)) -> Result<(String, String), Invalid> {
    let fits = |text: &String| {
        let unfit = |letter: char| letter.is_control() || matches!(letter, '<' | '>');
        !text.trim().is_empty() && text.chars().count() <= LONGEST_AUTHOR && !text.contains(unfit)
    };
    if fits(&name) && fits(&email) {
        return Ok((name, email));
    }
    let what = "defaultAuthor needs a name and an email, without '<', '>' or control characters, which Git cannot record";
    Err(Invalid(what.to_owned()))
}

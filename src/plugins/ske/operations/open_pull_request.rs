//! Asks for a resource by a pull request.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{Judged, PENDING_MUTATE, PULL_REQUEST_MUTATE, Ske, logged};
use crate::{
    backstage::{
        auth::Credentials,
        integrations::{FileChange, Proposal, RepositoryAddress},
        user_text::encode_user_text,
    },
    infra::{git::BranchName, parsing::parsed},
    plugins::ske::{
        config::Config,
        domain::{Intent, Invalid, Manifest, Operation, Request, Writable},
        error::SkeError,
        gitops,
        pending::{Action, RecordInput},
        repository::RepositoryError,
    },
};

/// What a caller asks for, as it came.
#[derive(Debug, Clone, Default)]
pub(in crate::plugins::ske) struct PullRequestOrder {
    /// The resource, as text or object.
    pub(in crate::plugins::ske) manifest: Value,
    /// The Promise's name.
    pub(in crate::plugins::ske) promise_name: String,
    /// The repository.
    pub(in crate::plugins::ske) repo_url: String,
    /// `Request`, `Update` or `Delete`; absent is the first.
    pub(in crate::plugins::ske) action: Option<String>,
    /// The branch it is meant for.
    pub(in crate::plugins::ske) target_branch: Option<String>,
    /// The title.
    pub(in crate::plugins::ske) title: Option<String>,
    /// The text.
    pub(in crate::plugins::ske) description: Option<String>,
}

/// The outcome, as the action's output names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct OpenedPullRequest {
    /// The page of the pull or merge request.
    remote_url: String,
    /// The branch the change is on.
    branch_name: String,
    /// The newest commit of that branch.
    commit_sha: String,
    /// Whether the pull request was opened just now, rather than open already.
    created: bool,
    /// What the caller should know although it worked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The order, understood.
struct Wanted {
    request: Request,
    manifest: Manifest,
    repository: RepositoryAddress,
    target: Option<BranchName>,
}

impl Ske {
    /// Whether there is any repository that may be written to.
    pub(in crate::plugins::ske) fn writes_repositories(&self) -> bool {
        !self.config.get().repositories.is_empty()
    }

    /// Sees to it that a pull request asks for the resource, or for its end. Running it again changes nothing more.
    ///
    /// # Errors
    /// The caller may not, the resource may not be touched or the repository not be written, or the code host refuses.
    pub(in crate::plugins::ske) async fn open_pull_request(
        self: &Arc<Self>,
        caller: &Judged,
        order: PullRequestOrder,
    ) -> Result<OpenedPullRequest, SkeError> {
        let (ske, caller, order) = (Arc::clone(self), caller.clone(), Arc::new(order));
        // Not only each of the two is done to its end, but both.
        let work = async move { ske.opened_and_recorded(&caller, &order).await };
        self.tasks.see_through(work).await.unwrap_or(Err(SkeError::Lost))
    }

    async fn opened_and_recorded(
        &self,
        caller: &Credentials,
        order: &Arc<PullRequestOrder>,
    ) -> Result<OpenedPullRequest, SkeError> {
        let about = || {
            json!({
                "actionType": asked_for(order),
                "repository": recorded(&order.repo_url),
                "promise": encode_user_text(&order.promise_name),
            })
        };
        let trail = self.audit.begin(PULL_REQUEST_MUTATE, caller, about);
        let opened = self.permitted_pull_request(caller, order).await;
        // It is open whatever becomes of the record, so this trail ends before that begins.
        let (opened, wanted) = trail.end(
            opened,
            |(opened, _)| json!({ "pullRequestUrl": opened.remote_url, "commit": opened.commit_sha }),
        )?;
        self.record_proposed(caller, order, (&wanted, &opened.remote_url))
            .await?;
        Ok(opened)
    }

    async fn permitted_pull_request(
        &self,
        caller: &Credentials,
        order: &Arc<PullRequestOrder>,
    ) -> Result<(OpenedPullRequest, Wanted), SkeError> {
        let principal = encode_user_text(caller.subject().unwrap_or("nobody"));
        let (config, order, by) = (self.config.get(), Arc::clone(order), principal.clone());
        let read = move || {
            let wanted = Wanted::read(&order)?;
            let (address, proposal) = wanted.proposal(&config, &order, &by)?;
            Ok::<_, SkeError>((wanted, address, proposal))
        };
        let (wanted, address, proposal) = parsed(read).await?;
        let object = wanted.manifest.object_ref();
        self.allowed_in_git(&object, wanted.operation()).await?;
        let proposed = self.code_hosts.current().propose(&address, &proposal).await;
        let proposed = proposed.map_err(SkeError::CodeHost)?;
        let (object, url) = (logged(&object), &proposed.url);
        let commit = proposed.commit.as_str();
        info!(
            principal,
            object, url, commit, "Asked for {object} by pull request"
        );
        let opened = OpenedPullRequest {
            remote_url: proposed.url,
            branch_name: proposal.branch.to_string(),
            commit_sha: proposed.commit,
            created: proposed.created,
            warnings: wanted.warnings(),
        };
        Ok((opened, wanted))
    }
}

impl Ske {
    /// Records the request in the same step, so that a Template needs no second one.
    async fn record_proposed(
        &self,
        caller: &Credentials,
        order: &PullRequestOrder,
        (wanted, url): (&Wanted, &str),
    ) -> Result<(), SkeError> {
        let input = RecordInput::of_pull_request(
            (order.promise_name.clone(), order.manifest.clone()),
            &wanted.manifest.object_ref(),
            match wanted.request.intent() {
                Intent::Request => Action::Request,
                Intent::Update => Action::Update,
                Intent::Delete => Action::Delete,
            },
            (url.to_owned(), wanted.repository.picker()),
        );
        let trail = self.audit.begin(PENDING_MUTATE, caller, || input.about());
        let recorded = self.pending.record(caller, input).await;
        let recorded = trail.end(recorded, |recorded| json!({ "entityRef": recorded.entity_ref }));
        match recorded {
            Ok(_) => Ok(()),
            // The host names its pages otherwise than its entry of `integrations` says, or the portal shows another
            // caller's request already.
            Err(why @ (SkeError::Invalid(_) | SkeError::PendingForAnother { .. })) => {
                warn!(url, "{url} is open and cannot be recorded: {why}");
                Ok(())
            }
            Err(error) => Err(SkeError::OpenUnrecorded {
                url: url.to_owned(),
                cause: Box::new(error),
            }),
        }
    }
}

/// What the order asks for, as an event names it; nothing of a word that is none of ours and may hold anything.
fn asked_for(order: &PullRequestOrder) -> Option<String> {
    let word = given(order.action.as_deref());
    let intent = word.map_or(Ok(Intent::default()), Intent::parse).ok()?;
    Some(intent.word().to_lowercase())
}

/// A repository as an event names it; nothing of a text that is no repository's address and may hold anything.
pub(super) fn recorded(repo_url: &str) -> Option<String> {
    let address = RepositoryAddress::parse(repo_url).ok()?;
    Some(encode_user_text(&address.to_string()))
}

impl Wanted {
    fn warnings(&self) -> Vec<String> {
        let written = (!self.request.is_deletion()).then_some(&self.manifest);
        written
            .and_then(Manifest::substitution_warning)
            .into_iter()
            .collect()
    }

    fn read(order: &PullRequestOrder) -> Result<Self, SkeError> {
        let action = given(order.action.as_deref());
        let intent = action.map(Intent::parse).transpose()?.unwrap_or_default();
        let manifest = Manifest::from_value(order.manifest.clone())?;
        let request = Request::new(&order.promise_name, &manifest, intent)?;
        let repository = RepositoryAddress::parse(&order.repo_url);
        let repository = repository.map_err(|problem| Invalid(format!("repoUrl: {problem}")))?;
        Ok(Self {
            request,
            manifest,
            repository,
            target: branch("targetBranch", given(order.target_branch.as_deref()))?,
        })
    }

    fn operation(&self) -> Operation {
        match self.request.is_deletion() {
            true => Operation::Delete,
            false => Operation::Write,
        }
    }

    /// Judges the place and says what is to be done there.
    fn proposal(
        &self,
        config: &Config,
        order: &PullRequestOrder,
        principal: &str,
    ) -> Result<(RepositoryAddress, Proposal), SkeError> {
        let request = &self.request;
        let writable = Writable::find(&config.repositories, &self.repository)?;
        let path = writable.place(&request.file())?;
        let content = match request.is_deletion() {
            true => None,
            false => Some(written(path.as_str(), &self.manifest)?),
        };
        let proposal = Proposal {
            branch: request.branch()?,
            target: writable.target(self.target.clone())?,
            file: FileChange {
                path,
                content,
                sealed_by: gitops::sealed_file,
            },
            message: request.message(principal),
            title: request.title(order.title.as_deref())?,
            description: request.description(order.description.as_deref(), principal)?,
        };
        Ok((writable.address.clone(), proposal))
    }
}

/// The file's content, which every reader reads alike.
fn written(path: &str, manifest: &Manifest) -> Result<String, SkeError> {
    let object = manifest.for_create(true);
    let bytes = gitops::create(path, &object).map_err(RepositoryError::from)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An empty text is an absent one.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// A branch's name, if one was given.
pub(super) fn branch(what: &str, name: Option<&str>) -> Result<Option<BranchName>, Invalid> {
    let parsed = name.map(BranchName::parse).transpose();
    parsed.map_err(|problem| Invalid(format!("{what} {problem}")))
}

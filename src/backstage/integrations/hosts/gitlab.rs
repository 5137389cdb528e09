//! Writing through GitLab's REST API, whose one call makes the commit and moves the branch; it is never forced, and it
//! names the state of the file that it changes, so that nothing is overwritten unseen.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{
    CodeHosts,
    call::{Ask, HostApi},
    change::{Attempt, Entry, FileChange, FileCommit, Proposal, Proposed, WriteError},
    error::HostError,
    quick_actions,
};

/// As many as GitLab puts on a page.
const PAGE: usize = 100;

/// Pages of one folder that are looked through: five thousand files.
const MOST_PAGES: usize = 50;

/// What GitLab says when a file or branch is not any more as it was seen.
const MOVED: [&str; 4] = [
    "already exists",
    "has changed since",
    "doesn't exist",
    "only create or edit files when",
];

/// One project at GitLab.
pub(super) struct GitLab<'a> {
    pub(super) hosts: &'a CodeHosts,
    pub(super) api: &'a HostApi,
}

#[derive(Deserialize)]
struct ProjectBody {
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct BranchBody {
    commit: CommitBody,
}

#[derive(Deserialize)]
struct CommitBody {
    id: String,
}

#[derive(Deserialize)]
struct TreeEntry {
    name: String,
    mode: String,
    id: String,
}

#[derive(Deserialize)]
struct FileBody {
    last_commit_id: String,
    content: String,
}

#[derive(Deserialize)]
struct RequestBody {
    web_url: String,
    state: String,
    source_branch: String,
    target_branch: String,
    #[serde(default)]
    sha: Option<String>,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
}

/// Where a commit goes: a branch as it was seen, or a new one.
struct Place<'a> {
    branch: &'a str,
    /// The commit whose files it begins with.
    seen: &'a str,
    is_new: bool,
}

/// The words around a commit.
struct Words<'a> {
    message: &'a str,
    author: Option<&'a (String, String)>,
}

impl GitLab<'_> {
    /// The branch everybody works from.
    pub(super) async fn default_branch(&self) -> Result<String, HostError> {
        let answer = self.hosts.ask(self.api, &self.get(&[])).await?;
        let body: ProjectBody = self.api.read(&answer, "it is no project")?;
        Ok(body.default_branch.unwrap_or_default())
    }

    /// Puts the change on the proposal's branch and sees to it that a merge request is open.
    ///
    /// Where one is open, its branch grows by a commit. A branch that is left over from a merge request, and whose
    /// commits are all in that one or in the target, is made anew from the target; any other is kept and grows.
    pub(super) async fn propose(
        &self,
        proposal: &Proposal,
        target: &str,
    ) -> Result<Attempt<Proposed>, WriteError> {
        let branch = proposal.branch.as_str();
        let base = self
            .head(target)
            .await?
            .ok_or_else(|| self.api.branch_missing(target))?;
        let tip = self.head(branch).await?;
        let requests = match &tip {
            Some(_) => self.requests_of(branch).await?,
            None => Vec::new(),
        };
        let open = open_one(&requests, target)?;
        let is_leftover = match &tip {
            Some(tip) if open.is_none() => self.is_kept_elsewhere(tip, &base, &requests).await?,
            _ => false,
        };
        let kept = tip.as_deref().filter(|_| !is_leftover);
        let seen = kept.unwrap_or(&base);
        let there = self.entry(seen, &proposal.file).await?;
        let commit = if proposal.file.differs(there.as_ref()) {
            let known = self.known(seen, &proposal.file, there.as_ref()).await?;
            if is_leftover && !self.drop_branch(branch, tip.as_deref()).await? {
                return Ok(Attempt::Moved);
            }
            let place = Place {
                branch,
                seen,
                is_new: kept.is_none(),
            };
            let words = Words {
                message: &proposal.message,
                author: None,
            };
            match self.put(&place, &proposal.file, (known, words)).await? {
                Some(commit) => commit,
                None => return Ok(Attempt::Moved),
            }
        } else if let Some(kept) = kept {
            kept.to_owned()
        } else {
            return Err(proposal.file.needless(target));
        };
        let opened = match open {
            Some(request) => Some((request.web_url.clone(), false)),
            None => self.open(proposal, target).await?.map(|url| (url, true)),
        };
        Ok(opened.map_or(Attempt::Moved, |(url, created)| {
            Attempt::Done(Proposed { url, commit, created })
        }))
    }

    /// Commits to a branch; returns the commit that holds the change, which is the branch's own when nothing differs.
    pub(super) async fn commit(&self, wanted: &FileCommit) -> Result<Attempt<String>, WriteError> {
        let branch = wanted.branch.as_str();
        let tip = self
            .head(branch)
            .await?
            .ok_or_else(|| self.api.branch_missing(branch))?;
        let there = self.entry(&tip, &wanted.file).await?;
        if !wanted.file.differs(there.as_ref()) {
            return Ok(Attempt::Done(tip));
        }
        let place = Place {
            branch,
            seen: &tip,
            is_new: false,
        };
        let words = Words {
            message: &wanted.message,
            author: wanted.author.as_ref(),
        };
        let known = self.known(&tip, &wanted.file, there.as_ref()).await?;
        let commit = self.put(&place, &wanted.file, (known, words)).await?;
        Ok(commit.map_or(Attempt::Moved, Attempt::Done))
    }

    async fn head(&self, branch: &str) -> Result<Option<String>, HostError> {
        let ask = self.get(&["repository", "branches", branch]);
        let Some(answer) = self.hosts.look(self.api, &ask).await? else {
            return Ok(None);
        };
        let body: BranchBody = self.api.read(&answer, "it is no branch")?;
        Ok(Some(body.commit.id))
    }

    /// The newest merge requests from the branch; those from forks have a branch of their own by that name.
    async fn requests_of(&self, branch: &str) -> Result<Vec<RequestBody>, HostError> {
        let ask = self
            .get(&["merge_requests"])
            .with("state", "all")
            .with("source_branch", branch)
            .with("order_by", "updated_at")
            .with("per_page", PAGE);
        let answer = self.hosts.ask(self.api, &ask).await?;
        let mut requests: Vec<RequestBody> = self.api.read(&answer, "it is no list of merge requests")?;
        requests.retain(|request| request.source_project_id == request.target_project_id);
        Ok(requests)
    }

    /// Whether no commit is lost with the branch: a settled merge request keeps it (`refs/merge-requests`), or the
    /// target contains it.
    async fn is_kept_elsewhere(
        &self,
        tip: &str,
        base: &str,
        requests: &[RequestBody],
    ) -> Result<bool, HostError> {
        let settled = |request: &RequestBody| request.state == "merged" || request.state == "closed";
        let mut settled = requests.iter().filter(|request| settled(request));
        if settled.any(|request| request.sha.as_deref() == Some(tip)) {
            return Ok(true);
        }
        let ask = self
            .get(&["repository", "merge_base"])
            .with("refs[]", tip)
            .with("refs[]", base);
        let Some(answer) = self.hosts.look(self.api, &ask).await? else {
            return Ok(false);
        };
        let body: CommitBody = self.api.read(&answer, "it is no commit")?;
        Ok(body.id == tip)
    }

    /// Deletes the branch if it is where it was seen, which GitLab's API cannot do in one call.
    async fn drop_branch(&self, branch: &str, seen: Option<&str>) -> Result<bool, HostError> {
        if self.head(branch).await?.as_deref() != seen {
            return Ok(false);
        }
        let project = self.api.project();
        let path = ["projects", &project, "repository", "branches", branch];
        self.hosts.look(self.api, &Ask::remove(&path)).await?;
        Ok(true)
    }

    /// What the path leads to in the commit, with nothing but folders on the way.
    async fn entry(&self, commit: &str, file: &FileChange) -> Result<Option<Entry>, WriteError> {
        let mut folder = String::new();
        let mut parts = file.path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            let Some(entry) = self.child(commit, &folder, part).await? else {
                return Ok(None);
            };
            folder = if folder.is_empty() {
                part.to_owned()
            } else {
                format!("{folder}/{part}")
            };
            let is_last = parts.peek().is_none();
            file.judge(&folder, &entry, is_last)?;
            if is_last {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// One entry of a folder, which GitLab gives a hundred at a time.
    async fn child(&self, commit: &str, folder: &str, name: &str) -> Result<Option<Entry>, WriteError> {
        for page in 1..=MOST_PAGES {
            let ask = self
                .get(&["repository", "tree"])
                .with("ref", commit)
                .with("per_page", PAGE)
                .with("page", page);
            let ask = if folder.is_empty() {
                ask
            } else {
                ask.with("path", folder)
            };
            let Some(answer) = self.hosts.look(self.api, &ask).await? else {
                return Ok(None);
            };
            let entries: Vec<TreeEntry> = self.api.read(&answer, "it is no folder")?;
            let is_last = entries.len() < PAGE;
            if let Some(TreeEntry { mode, id, .. }) = entries.into_iter().find(|entry| entry.name == name) {
                return Ok(Some(Entry { mode, id }));
            }
            if is_last {
                return Ok(None);
            }
        }
        Err(WriteError::TooManyFiles(folder.to_owned()))
    }

    /// The commit in which a file that is there came to be as it is, if it may be replaced.
    async fn known(
        &self,
        seen: &str,
        file: &FileChange,
        there: Option<&Entry>,
    ) -> Result<Option<String>, WriteError> {
        if there.is_none() {
            return Ok(None);
        }
        let ask = self
            .get(&["repository", "files", file.path.as_str()])
            .with("ref", seen);
        let answer = self.hosts.ask(self.api, &ask).await?;
        let known: FileBody = self.api.read(&answer, "it is no file")?;
        if file.content.is_some() {
            file.judge_content(&known.content).await?;
        }
        Ok(Some(known.last_commit_id))
    }

    /// Commits the change; `None` when file or branch were not any more as they were seen.
    async fn put(
        &self,
        place: &Place<'_>,
        file: &FileChange,
        (known, words): (Option<String>, Words<'_>),
    ) -> Result<Option<String>, HostError> {
        let path = file.path.as_str();
        let mut action = match (&file.content, &known) {
            (Some(content), None) => json!({ "action": "create", "content": content, "encoding": "text" }),
            (Some(content), Some(_)) => json!({ "action": "update", "content": content, "encoding": "text" }),
            (None, _) => json!({ "action": "delete" }),
        };
        action["file_path"] = path.into();
        if let Some(known) = known {
            action["last_commit_id"] = known.into();
        }
        let mut body = json!({
            "branch": place.branch, "commit_message": words.message, "actions": [action], "force": false,
        });
        if place.is_new {
            body["start_sha"] = place.seen.into();
        }
        if let Some((name, email)) = words.author {
            body["author_name"] = name.as_str().into();
            body["author_email"] = email.as_str().into();
        }
        let project = self.api.project();
        let ask = Ask::send(
            Method::POST,
            &["projects", &project, "repository", "commits"],
            body,
        );
        match self.hosts.ask(self.api, &ask).await {
            Ok(answer) => {
                let commit: CommitBody = self.api.read(&answer, "it is no commit")?;
                Ok(Some(commit.id))
            }
            Err(error) if error.is_refusal(StatusCode::BAD_REQUEST, &MOVED) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the merge request; `None` when there is one by now.
    async fn open(&self, proposal: &Proposal, target: &str) -> Result<Option<String>, WriteError> {
        let body = json!({
            "source_branch": proposal.branch.as_str(), "target_branch": target, "title": proposal.title,
            "description": quick_actions::shown(&proposal.description),
        });
        let project = self.api.project();
        let ask = Ask::send(Method::POST, &["projects", &project, "merge_requests"], body);
        match self.hosts.ask(self.api, &ask).await {
            Ok(answer) => {
                let request: RequestBody = self.api.read(&answer, "it is no merge request")?;
                let branches = (request.source_branch, request.target_branch);
                proposal.opened(target, request.web_url, branches).map(Some)
            }
            Err(error) if error.is_refusal(StatusCode::CONFLICT, &["already exists"]) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn get(&self, rest: &[&str]) -> Ask {
        let project = self.api.project();
        Ask::get(&[&["projects", project.as_str()], rest].concat())
    }
}

/// The open merge request to the target; one that goes elsewhere is in the way.
fn open_one<'a>(requests: &'a [RequestBody], target: &str) -> Result<Option<&'a RequestBody>, WriteError> {
    let open = || {
        let is_open = |request: &&RequestBody| request.state == "opened" || request.state == "locked";
        requests.iter().filter(is_open)
    };
    if let Some(found) = open().find(|request| request.target_branch == target) {
        return Ok(Some(found));
    }
    match open().next() {
        Some(other) => Err(WriteError::Elsewhere {
            url: other.web_url.clone(),
            target: other.target_branch.clone(),
        }),
        None => Ok(None),
    }
}

//! Writing through GitHub's REST API: commits are made as objects first and a branch is moved to them last, never by
//! force, so that what is half done is nobody's.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    CodeHosts,
    call::{Ask, HostApi},
    change::{Attempt, Entry, FileChange, FileCommit, Proposal, Proposed, WriteError},
    error::HostError,
};

/// The mode of a new file.
const PLAIN: &str = "100644";

/// One repository at GitHub.
pub(super) struct GitHub<'a> {
    pub(super) hosts: &'a CodeHosts,
    pub(super) api: &'a HostApi,
}

#[derive(Deserialize)]
struct RepositoryBody {
    default_branch: String,
}

#[derive(Deserialize)]
struct ReferenceBody {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct CommitBody {
    tree: Object,
}

#[derive(Deserialize)]
struct TreeBody {
    tree: Vec<TreeEntry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    mode: String,
    sha: String,
}

#[derive(Deserialize)]
struct BlobBody {
    content: String,
}

#[derive(Deserialize)]
struct PullBody {
    html_url: String,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    name: String,
}

/// What a commit is made of, besides its file.
struct Ground<'a> {
    /// Whose files it begins with.
    files: &'a str,
    parents: Vec<&'a str>,
}

impl GitHub<'_> {
    /// The branch everybody works from.
    pub(super) async fn default_branch(&self) -> Result<String, HostError> {
        let answer = self.hosts.ask(self.api, &Ask::get(&self.path(&[]))).await?;
        let body: RepositoryBody = self.api.read(&answer, "it is no repository")?;
        Ok(body.default_branch)
    }

    /// Puts the change on the proposal's branch and sees to it that a pull request is open.
    ///
    /// Where one is open, its branch grows by a commit. A branch without one is left over from a pull request that was
    /// merged or closed: the new commit then has both it and the target before it and the target's files, so that the
    /// pull request shows this change alone and no commit is lost.
    pub(super) async fn propose(
        &self,
        proposal: &Proposal,
        target: &str,
    ) -> Result<Attempt<Proposed>, WriteError> {
        let base = self
            .head(target)
            .await?
            .ok_or_else(|| self.api.branch_missing(target))?;
        let tip = self.head(proposal.branch.as_str()).await?;
        let open = match &tip {
            Some(_) => self.open_one(proposal.branch.as_str(), target).await?,
            None => None,
        };
        let ground = match (tip.as_deref(), &open) {
            (Some(tip), Some(_)) => Ground {
                files: tip,
                parents: vec![tip],
            },
            (Some(tip), None) if tip != base => Ground {
                files: &base,
                parents: vec![tip, &base],
            },
            _ => Ground {
                files: &base,
                parents: vec![&base],
            },
        };
        let tree = self.tree_of(ground.files).await?;
        let there = self.entry(&tree, &proposal.file).await?;
        let commit = match (proposal.file.differs(there.as_ref()), &tip, &open) {
            (false, Some(tip), Some(_)) => tip.clone(),
            (false, ..) => return Err(proposal.file.needless(target)),
            (true, ..) => {
                self.judge_content(&proposal.file, there.as_ref()).await?;
                let tree = self.new_tree(&tree, &proposal.file, there).await?;
                let commit = self
                    .new_commit(&tree, &ground.parents, (&proposal.message, None))
                    .await?;
                if !self
                    .move_branch(proposal.branch.as_str(), &commit, tip.is_some())
                    .await?
                {
                    return Ok(Attempt::Moved);
                }
                commit
            }
        };
        let opened = match open {
            Some(pull) => Some((pull.html_url, false)),
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
        let tree = self.tree_of(&tip).await?;
        let there = self.entry(&tree, &wanted.file).await?;
        if !wanted.file.differs(there.as_ref()) {
            return Ok(Attempt::Done(tip));
        }
        self.judge_content(&wanted.file, there.as_ref()).await?;
        let tree = self.new_tree(&tree, &wanted.file, there).await?;
        let author = wanted.author.as_ref();
        let commit = self.new_commit(&tree, &[&tip], (&wanted.message, author)).await?;
        Ok(match self.move_branch(branch, &commit, true).await? {
            true => Attempt::Done(commit),
            false => Attempt::Moved,
        })
    }

    async fn head(&self, branch: &str) -> Result<Option<String>, WriteError> {
        let path = self.path(&["git", "ref", "heads"]);
        let path: Vec<&str> = path.into_iter().chain(branch.split('/')).collect();
        let answer = self.hosts.look(self.api, &Ask::get(&path)).await?;
        let Some(answer) = answer else { return Ok(None) };
        let body: ReferenceBody = self.api.read(&answer, "it is no reference")?;
        Ok(Some(body.object.sha))
    }

    async fn open_one(&self, branch: &str, target: &str) -> Result<Option<PullBody>, WriteError> {
        let head = format!("{}:{branch}", self.api.repository.owner());
        let ask = Ask::get(&self.path(&["pulls"]))
            .with("state", "open")
            .with("head", head)
            .with("per_page", 100);
        let answer = self.hosts.ask(self.api, &ask).await?;
        let mut open: Vec<PullBody> = self.api.read(&answer, "it is no list of pull requests")?;
        if let Some(at) = open.iter().position(|pull| pull.base.name == target) {
            return Ok(Some(open.swap_remove(at)));
        }
        match open.pop() {
            Some(pull) => Err(WriteError::Elsewhere {
                url: pull.html_url,
                target: pull.base.name,
            }),
            None => Ok(None),
        }
    }

    async fn tree_of(&self, commit: &str) -> Result<String, HostError> {
        let ask = Ask::get(&self.path(&["git", "commits", commit]));
        let answer = self.hosts.ask(self.api, &ask).await?;
        let body: CommitBody = self.api.read(&answer, "it is no commit")?;
        Ok(body.tree.sha)
    }

    /// What the path leads to from this tree, with nothing but folders on the way.
    async fn entry(&self, tree: &str, file: &FileChange) -> Result<Option<Entry>, WriteError> {
        let (mut tree, mut seen) = (tree.to_owned(), String::new());
        let mut parts = file.path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            let folder = seen.clone();
            seen = if seen.is_empty() {
                part.to_owned()
            } else {
                format!("{seen}/{part}")
            };
            let answer = self
                .hosts
                .ask(self.api, &Ask::get(&self.path(&["git", "trees", &tree])))
                .await?;
            let body: TreeBody = self.api.read(&answer, "it is no tree")?;
            let Some(found) = body.tree.into_iter().find(|entry| entry.path == part) else {
                return if body.truncated {
                    Err(WriteError::TooManyFiles(folder))
                } else {
                    Ok(None)
                };
            };
            let entry = Entry {
                mode: found.mode,
                id: found.sha,
            };
            let is_last = parts.peek().is_none();
            file.judge(&seen, &entry, is_last)?;
            if is_last {
                return Ok(Some(entry));
            }
            tree = entry.id;
        }
        Ok(None)
    }

    /// Looks at what would be replaced.
    async fn judge_content(&self, file: &FileChange, there: Option<&Entry>) -> Result<(), WriteError> {
        let (Some(entry), Some(_)) = (there, &file.content) else {
            return Ok(());
        };
        let ask = Ask::get(&self.path(&["git", "blobs", &entry.id]));
        let answer = self.hosts.ask(self.api, &ask).await?;
        let blob: BlobBody = self.api.read(&answer, "it is no content")?;
        file.judge_content(&blob.content).await
    }

    async fn new_tree(
        &self,
        onto: &str,
        file: &FileChange,
        there: Option<Entry>,
    ) -> Result<String, HostError> {
        let mode = there.map_or_else(|| PLAIN.to_owned(), |entry| entry.mode);
        let path = file.path.as_str();
        let entry = match &file.content {
            Some(content) => json!({ "path": path, "mode": mode, "type": "blob", "content": content }),
            None => json!({ "path": path, "mode": mode, "type": "blob", "sha": null }),
        };
        self.make("trees", json!({ "base_tree": onto, "tree": [entry] }))
            .await
    }

    /// Without an author it is whoever the credential is, and GitHub signs what an App commits.
    async fn new_commit(
        &self,
        tree: &str,
        parents: &[&str],
        (message, author): (&str, Option<&(String, String)>),
    ) -> Result<String, HostError> {
        let mut body = json!({ "message": message, "tree": tree, "parents": parents });
        if let Some((name, email)) = author {
            body["author"] = json!({ "name": name, "email": email });
        }
        self.make("commits", body).await
    }

    async fn make(&self, what: &str, body: Value) -> Result<String, HostError> {
        let ask = Ask::send(Method::POST, &self.path(&["git", what]), body);
        let answer = self.hosts.ask(self.api, &ask).await?;
        let made: Object = self.api.read(&answer, "it is no object of Git")?;
        Ok(made.sha)
    }

    /// Makes the branch, or moves it on; false when somebody else did either in the meantime.
    async fn move_branch(&self, branch: &str, commit: &str, is_there: bool) -> Result<bool, HostError> {
        let ask = if is_there {
            let path = self.path(&["git", "refs", "heads"]);
            let path: Vec<&str> = path.into_iter().chain(branch.split('/')).collect();
            Ask::send(Method::PATCH, &path, json!({ "sha": commit, "force": false }))
        } else {
            let reference = format!("refs/heads/{branch}");
            let body = json!({ "ref": reference, "sha": commit });
            Ask::send(Method::POST, &self.path(&["git", "refs"]), body)
        };
        let moved = [
            "reference already exists",
            "fast forward",
            "reference does not exist",
        ];
        match self.hosts.ask(self.api, &ask).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_refusal(StatusCode::UNPROCESSABLE_ENTITY, &moved) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens the pull request; `None` when there is one by now.
    async fn open(&self, proposal: &Proposal, target: &str) -> Result<Option<String>, WriteError> {
        let body = json!({
            "title": proposal.title, "body": proposal.description, "head": proposal.branch.as_str(), "base": target,
        });
        let ask = Ask::send(Method::POST, &self.path(&["pulls"]), body);
        match self.hosts.ask(self.api, &ask).await {
            Ok(answer) => {
                let pull: PullBody = self.api.read(&answer, "it is no pull request")?;
                let branches = (pull.head.name, pull.base.name);
                proposal.opened(target, pull.html_url, branches).map(Some)
            }
            Err(error) if error.is_refusal(StatusCode::UNPROCESSABLE_ENTITY, &["already exists"]) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let repository = &self.api.repository;
        [&["repos", repository.owner(), repository.repo()], rest].concat()
    }
}

//! A change of one file, proposed as a pull request or committed to a branch, in the terms both hosts share.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::error::HostError;
use crate::infra::{
    git::{BranchName, FilePath},
    parsing::parsed,
};

/// How often a change that met another one starts anew.
pub(super) const TRIES: u32 = 3;

/// As long as Git's usual digest is in hex; another is the longer one.
const SHA1_LENGTH: usize = 40;

/// A pull request as it should be.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The branch the change is put on. It belongs to the proposal alone.
    pub branch: BranchName,
    /// The branch it is meant for, by default the repository's default branch.
    pub target: Option<BranchName>,
    /// What is changed.
    pub file: FileChange,
    /// The commit's message.
    pub message: String,
    /// The pull request's title, when one is opened.
    pub title: String,
    /// Its text.
    pub description: String,
}

/// What one file should be.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Where it is.
    pub path: FilePath,
    /// What it should hold; none takes it away.
    pub content: Option<String>,
    /// Tells which tool has encrypted or signed a content, which is then not replaced.
    pub sealed_by: fn(&[u8]) -> Option<&'static str>,
}

/// A pull request that holds the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The address of its page.
    pub url: String,
    /// The newest commit of its branch.
    pub commit: String,
    /// Whether it was opened just now, rather than open already.
    pub created: bool,
}

/// A commit as it should be.
#[derive(Debug, Clone)]
pub struct FileCommit {
    /// The branch it goes to.
    pub branch: BranchName,
    /// Whether that may be the repository's default branch.
    pub may_be_default: bool,
    /// What is changed.
    pub file: FileChange,
    /// The commit's message.
    pub message: String,
    /// Name and address of the author; by default whoever the credential is.
    pub author: Option<(String, String)>,
    /// The caller's own credential, which is shown to the repository's host and to nobody else.
    pub token: Option<SecretString>,
}

/// Why a change was not made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The host did not do what it was asked.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The branch is not there.
    #[error("the branch '{branch}' does not exist in {repository}; create it, or name another")]
    BranchMissing {
        /// The branch.
        branch: String,
        /// The repository.
        repository: String,
    },
    /// The repository has no branch at all.
    #[error("{0} is empty; make a first commit on its default branch")]
    Empty(String),
    /// The branch is the one everybody works from.
    #[error("'{branch}' is the default branch of {repository}, which is not written to here")]
    DefaultBranch {
        /// The branch.
        branch: String,
        /// The repository.
        repository: String,
    },
    /// The target is the proposal's own branch.
    #[error("'{0}' is the branch of the pull request itself; name another as its target")]
    OwnTarget(String),
    /// The target branch has the very content already.
    #[error("there is nothing to propose: '{path}' on '{branch}' is already as it should be")]
    Nothing {
        /// The file.
        path: String,
        /// The target branch.
        branch: String,
    },
    /// What should be taken away is not there.
    #[error("there is nothing to delete: '{path}' is not on '{branch}'")]
    Absent {
        /// The file.
        path: String,
        /// The target branch.
        branch: String,
    },
    /// What is not a plain file or folder is on the way.
    #[error("'{path}' cannot be written because '{obstacle}' is {kind}")]
    InTheWay {
        /// The file.
        path: String,
        /// What is there.
        obstacle: String,
        /// A symlink, a submodule, a file or a folder.
        kind: &'static str,
    },
    /// A tool has encrypted or signed what is there.
    #[error(
        "'{path}' is encrypted or signed by {tool}, and a change by Stagedoor would break that; change it with {tool} in \
         the repository"
    )]
    Sealed {
        /// The file.
        path: String,
        /// The tool.
        tool: &'static str,
    },
    /// The folder is too large to be looked through.
    #[error(
        "the folder '{0}' holds more files than can be looked through; move the requests to another repository"
    )]
    TooManyFiles(String),
    /// The branch has an open pull request that goes elsewhere.
    #[error(
        "{url} is open from the same branch and goes to '{target}'; close it first, or name '{target}' as the target"
    )]
    Elsewhere {
        /// The open pull request.
        url: String,
        /// Where it goes.
        target: String,
    },
    /// The host opened something else than it was asked for.
    #[error(
        "{url} was opened, but from '{source_branch}' to '{target}', which is not what was asked for; close it"
    )]
    Otherwise {
        /// What was opened.
        url: String,
        /// The branch it comes from.
        source_branch: String,
        /// Where it goes.
        target: String,
    },
    /// Others changed the branch at the same time, time and again.
    #[error("somebody else wrote to '{0}' at the same time, again and again; try again")]
    Contended(String),
}

/// The outcome of one attempt.
pub(super) enum Attempt<T> {
    /// It is done.
    Done(T),
    /// Somebody else changed something meanwhile; it starts anew.
    Moved,
}

/// What one path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: String,
    pub(super) id: String,
}

impl Proposal {
    /// Returns the address of what was opened if it goes from our branch to the target.
    pub(super) fn opened(
        &self,
        target: &str,
        url: String,
        (from, to): (String, String),
    ) -> Result<String, WriteError> {
        if from == self.branch.as_str() && to == target {
            return Ok(url);
        }
        Err(WriteError::Otherwise {
            url,
            source_branch: from,
            target: to,
        })
    }
}

impl FileChange {
    /// Whether the file, as it is there, differs from what it should be.
    pub(super) fn differs(&self, there: Option<&Entry>) -> bool {
        match (&self.content, there) {
            (Some(content), Some(entry)) => blob_id(content, entry.id.len()) != entry.id,
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        }
    }

    /// Refuses to replace what a tool has encrypted or signed. The content is base64, as both hosts give it; what is
    /// none tells nothing.
    pub(super) async fn judge_content(&self, encoded: &str) -> Result<(), WriteError> {
        let encoded: String = encoded.split_ascii_whitespace().collect();
        let sealed_by = self.sealed_by;
        let tool = parsed(move || {
            let content = STANDARD.decode(encoded).unwrap_or_default();
            sealed_by(&content)
        });
        match tool.await {
            None => Ok(()),
            Some(tool) => Err(WriteError::Sealed {
                path: self.path.to_string(),
                tool,
            }),
        }
    }

    /// Why there is nothing to do on the target branch.
    pub(super) fn needless(&self, branch: &str) -> WriteError {
        let (path, branch) = (self.path.to_string(), branch.to_owned());
        match self.content {
            Some(_) => WriteError::Nothing { path, branch },
            None => WriteError::Absent { path, branch },
        }
    }

    /// Refuses what is no plain file at the end of the path, and no folder on the way to it.
    pub(super) fn judge(&self, obstacle: &str, entry: &Entry, is_last: bool) -> Result<(), WriteError> {
        let kind = match (entry.mode.as_str(), is_last) {
            ("040000" | "40000", false) => return Ok(()),
            (mode, true) if mode.starts_with("100") => return Ok(()),
            ("120000", _) => "a symlink",
            ("160000", _) => "a submodule",
            (_, true) => "a folder",
            (_, false) => "a file",
        };
        Err(WriteError::InTheWay {
            path: self.path.to_string(),
            obstacle: obstacle.to_owned(),
            kind,
        })
    }
}

/// The id Git gives the content, in the digest whose length is given.
fn blob_id(content: &str, length: usize) -> String {
    let object = format!("blob {}\0{content}", content.len());
    if length == SHA1_LENGTH {
        hex::encode(Sha1::digest(object))
    } else {
        hex::encode(Sha256::digest(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_the_id_git_gives_it() {
        // git hash-object --stdin <<< 'test content'
        assert_eq!(
            blob_id("test content\n", 40),
            "d670460b4b4aece5915caf5c68d12f560a9fe3e4"
        );
        assert_eq!(blob_id("test content\n", 64).len(), 64);
    }

    #[test]
    fn only_folders_on_the_way_and_a_plain_file_at_its_end_pass() {
        let change = FileChange {
            path: FilePath::parse("a/b.yaml").unwrap(),
            content: None,
            sealed_by: |_| None,
        };
        let judge = |mode: &str, is_last| {
            let entry = Entry {
                mode: mode.to_owned(),
                id: String::new(),
            };
            change
                .judge("a", &entry, is_last)
                .map_err(|problem| problem.to_string())
        };
        for (mode, is_last) in [("040000", false), ("100644", true), ("100755", true)] {
            assert_eq!(judge(mode, is_last), Ok(()), "{mode}");
        }
        for (mode, is_last, kind) in [
            ("100644", false, "a file"),
            ("040000", true, "a folder"),
            ("120000", true, "a symlink"),
            ("120000", false, "a symlink"),
            ("160000", true, "a submodule"),
            ("160000", false, "a submodule"),
        ] {
            assert!(judge(mode, is_last).unwrap_err().contains(kind), "{mode}");
        }
    }
}

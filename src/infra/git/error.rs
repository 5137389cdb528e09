//! What can go wrong with a repository, in words that name the cure.

use std::{error::Error, sync::Arc};

use super::path::PathError;

/// What a caller's change answers when it cannot be made on the tip it is shown.
pub type ChangeError = Box<dyn Error + Send + Sync>;

/// Why a repository was not read or written. Holds no secret; texts of the server are shortened and made plain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GitError {
    /// No answer, or none that makes sense.
    #[error("{remote} cannot be reached ({reason}); check its address, the network and the proxy")]
    Unreachable {
        /// The repository.
        remote: String,
        /// What was seen.
        reason: String,
    },
    /// The certificate is not one we trust.
    #[error("the certificate of {remote} is not trusted; name its authority in `stagedoor.tls.caFile`")]
    Untrusted {
        /// The repository.
        remote: String,
    },
    /// The server sends to another address, which is not asked.
    #[error("{remote} redirects to {target}; configure that address if it is the right one")]
    Redirected {
        /// The repository.
        remote: String,
        /// Where to.
        target: String,
    },
    /// There is no credential to use.
    #[error("there is no credential for {remote}: {reason}")]
    NoCredentials {
        /// The repository.
        remote: String,
        /// What the source of credentials said.
        reason: String,
    },
    /// The server did not accept the credential, or wants one and there is none.
    #[error(
        "{remote} did not accept the credential; check that it is right, has not expired and covers this repository"
    )]
    CredentialsRefused {
        /// The repository.
        remote: String,
    },
    /// The credential is known and may not do this.
    #[error(
        "the credential may not do this in {remote}; give it the right to read and write the repository's contents"
    )]
    NotPermitted {
        /// The repository.
        remote: String,
    },
    /// There is no such repository, or the credential may not see it.
    #[error("{remote} does not exist, or the credential may not see it")]
    RepositoryMissing {
        /// The repository.
        remote: String,
    },
    /// The repository has branches, but not this one.
    #[error("the branch {branch} does not exist in {remote}; create it, or configure another")]
    BranchMissing {
        /// The repository.
        remote: String,
        /// The branch.
        branch: String,
    },
    /// The branch takes no direct push.
    #[error(
        "the branch {branch} is protected against direct pushes ({sentence}); allow this credential to push, or deliver by pull request"
    )]
    ProtectedBranch {
        /// The branch.
        branch: String,
        /// What the server said.
        sentence: String,
    },
    /// A rule of the server refuses this very change.
    #[error("the server refused the change ({sentence})")]
    PushRefused {
        /// What the server said.
        sentence: String,
    },
    /// Others pushed first, time and again.
    #[error(
        "others wrote to the branch at the same time, {tries} times in a row; nothing was written, try again"
    )]
    Contended {
        /// How often it was tried.
        tries: u32,
    },
    /// The deadline passed before the change was sent.
    #[error("the change could not be sent in time; nothing was written, try again")]
    TimedOut,
    /// The change was sent and no answer came.
    #[error("the change was sent but its outcome is not known; look at the repository before trying again")]
    Undecided,
    /// Too many changes wait.
    #[error("too many changes wait for this repository; nothing was written, try again later")]
    Overloaded,
    /// The path cannot be written.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The caller's change said no.
    #[error("{0}")]
    Change(Arc<dyn Error + Send + Sync>),
    /// Author, committer or message cannot be put into a commit.
    #[error("a commit cannot carry this: {reason}")]
    Commit {
        /// What is wrong.
        reason: String,
    },
    /// No room for the mirror.
    #[error("there is no room left in {folder}; free some, or move `stagedoor.dataDir`")]
    DiskFull {
        /// The mirror's folder.
        folder: String,
    },
    /// The mirror is used by another process.
    #[error("{folder} is used by another process; give each replica a `stagedoor.dataDir` of its own")]
    MirrorInUse {
        /// The mirror's folder.
        folder: String,
    },
    /// The mirror cannot be read or written. It is made anew at the next attempt.
    #[error("the local copy of the repository cannot be used ({reason})")]
    Mirror {
        /// What was seen.
        reason: String,
    },
    /// A defect of ours.
    #[error("an internal fault ended the work on the repository")]
    Internal,
}

impl GitError {
    /// Whether making the local copy anew can help.
    pub(super) fn blames_the_mirror(&self) -> bool {
        match self {
            Self::Mirror { .. } => true,
            // A change passes on what it met while it read the tip.
            Self::Change(error) => error.downcast_ref::<Self>().is_some_and(Self::blames_the_mirror),
            _ => false,
        }
    }

    /// Wraps what a change said; an error of the tip it read stays what it is.
    pub(super) fn of_change(error: ChangeError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Change(Arc::from(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_met_in_the_tip_stays_what_it_is() {
        let damaged: ChangeError = Box::new(GitError::Mirror {
            reason: "an object is missing".to_owned(),
        });
        assert!(GitError::of_change(damaged).blames_the_mirror());
        let own = GitError::of_change("there is no such file".into());
        assert!(matches!(&own, GitError::Change(_)) && !own.blames_the_mirror());
        assert_eq!(own.to_string(), "there is no such file");
    }
}

//! Why the repository does not give or take an object.

use http::StatusCode;

use crate::{
    backstage::error::BackstageError,
    infra::git::{ChangeError, GitError},
    plugins::ske::{
        domain::Invalid,
        gitops::{Identity, Refused},
    },
};

/// A failure to read or write one object of the repository.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::plugins::ske) enum RepositoryError {
    /// No document has this identity.
    #[error("{0} is not in the repository")]
    Absent(Identity),
    /// Several documents have it, so nobody can say which one the platform follows.
    #[error(
        "{identity} is in the repository more than once: {}; keep one of them",
        .places.join(" and ")
    )]
    Several {
        /// Which object.
        identity: Identity,
        /// Path and line of each document.
        places: Vec<String>,
    },
    /// Something that cannot be read may be the very object.
    #[error(
        "{identity} may already be in the repository, in what cannot be read there: {place}; repair it, or name the \
         object otherwise"
    )]
    Hidden {
        /// Which object.
        identity: Identity,
        /// Path and line.
        place: String,
    },
    /// The file is not changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no path for a new object.
    #[error(transparent)]
    NoPlace(Invalid),
    /// The object came or went while the caller's right to write it was asked for.
    #[error("{0} was changed by somebody else at the same time; try again")]
    Changed(Identity),
    /// Nothing came within the time a person waits.
    #[error(
        "the repository did not answer within {0} s; try again, or raise stagedoor.ske.timeout. The first reading of a \
         large repository takes longest"
    )]
    Slow(f32),
    /// Git itself.
    #[error(transparent)]
    Git(GitError),
}

impl From<GitError> for RepositoryError {
    /// What a change of ours said comes back as it was said.
    fn from(error: GitError) -> Self {
        match &error {
            GitError::Change(said) => match said.downcast_ref::<Self>() {
                Some(own) => own.clone(),
                None => Self::Git(error),
            },
            _ => Self::Git(error),
        }
    }
}

impl RepositoryError {
    /// The one place where a failure of the repository gets its status. What a refused credential of ours causes is no
    /// fault of the caller's, so it is no 401.
    pub(in crate::plugins::ske) fn into_answer(self) -> BackstageError {
        let text = capitalised(&self.to_string());
        match self {
            Self::Absent(_) => BackstageError::not_found(text),
            Self::Several { .. } | Self::Hidden { .. } | Self::NoPlace(_) | Self::Changed(_) => {
                BackstageError::conflict(text)
            }
            Self::Refused(Refused::Unwritable { .. }) => {
                BackstageError::new("InputError", StatusCode::UNPROCESSABLE_ENTITY, text)
            }
            Self::Refused(_) => BackstageError::conflict(text),
            Self::Slow(_) => BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, text),
            Self::Git(error) => git_answer(&error, text),
        }
    }

    /// As a change answers; failures of Git pass as what they are.
    pub(super) fn into_change_error(self) -> ChangeError {
        match self {
            Self::Git(error) => Box::new(error),
            own => Box::new(own),
        }
    }
}

fn git_answer(error: &GitError, text: String) -> BackstageError {
    use GitError as E;
    match error {
        E::Unreachable { .. }
        | E::Untrusted { .. }
        | E::Redirected { .. }
        | E::NoCredentials { .. }
        | E::CredentialsRefused { .. }
        | E::NotPermitted { .. }
        | E::RepositoryMissing { .. }
        | E::BranchMissing { .. } => BackstageError::unavailable(StatusCode::BAD_GATEWAY, text),
        E::ProtectedBranch { .. } | E::PushRefused { .. } | E::Contended { .. } | E::Path(_) => {
            BackstageError::conflict(text)
        }
        E::TimedOut | E::Undecided => BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, text),
        E::Overloaded | E::DiskFull { .. } | E::MirrorInUse { .. } | E::Mirror { .. } => {
            BackstageError::unavailable(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        E::Change(_) | E::Commit { .. } | E::Internal => {
            BackstageError::new("Error", StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

/// Sentences of Git go on after a colon elsewhere; here they stand by themselves. An address or a file keeps its case.
fn capitalised(sentence: &str) -> String {
    let is_word = sentence
        .split(' ')
        .next()
        .is_some_and(|first| !first.contains(['/', '.', ':']));
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) if is_word => first.to_uppercase().chain(letters).collect(),
        _ => sentence.to_owned(),
    }
}

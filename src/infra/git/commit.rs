//! A change to the branch and the commit it becomes.

use std::collections::BTreeMap;

use git2::{Oid, Repository, Signature};

use super::{
    error::{ChangeError, GitError},
    path::FilePath,
    tip::Tip,
    tree::{self, FileEdit},
    trouble,
};

/// A person or service as commits name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    email: String,
}

impl Identity {
    /// Takes a name and an address; what a commit cannot hold (`<`, `>`, control characters) is left out.
    ///
    /// # Errors
    /// Nothing is left of one of them.
    pub fn new(name: &str, email: &str) -> Result<Self, GitError> {
        let clean = |text: &str| {
            let kept = text
                .chars()
                .filter(|letter| !letter.is_control() && !"<>".contains(*letter));
            kept.collect::<String>().trim().to_owned()
        };
        let identity = Self {
            name: clean(name),
            email: clean(email),
        };
        identity.signature().map(|_| identity.clone())
    }

    fn signature(&self) -> Result<Signature<'static>, GitError> {
        Signature::now(&self.name, &self.email).map_err(|error| GitError::Commit {
            reason: error.message().to_owned(),
        })
    }
}

/// What a change wants to do to the tip it was shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Each file once.
    pub edits: BTreeMap<FilePath, FileEdit>,
    /// The whole message: subject, body, trailers.
    pub message: String,
}

/// The caller's change: computed for the tip it is shown, and again for another one if the branch moved.
///
/// It runs where blocking is allowed, while others wait for the same push: it should take milliseconds. `None` means
/// that nothing has to change.
pub type ChangeFn = Box<dyn FnMut(&Tip<'_>) -> Result<Option<Draft>, ChangeError> + Send>;

/// A change and who is named for it.
pub struct Change {
    /// Who wanted it.
    pub author: Identity,
    /// Who wrote it: this service.
    pub committer: Identity,
    /// Computes the edits.
    pub make: ChangeFn,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Change")
            .field("author", &self.author)
            .field("committer", &self.committer)
            .finish_non_exhaustive()
    }
}

/// Applies the change to the tip; returns the commit written for it, none if nothing changes.
///
/// # Errors
/// The change says no or panics, a path is refused, or the object database cannot be used.
pub(super) fn build(
    repository: &Repository,
    tip: Option<Oid>,
    change: &mut Change,
) -> Result<Option<Oid>, GitError> {
    let view = Tip::new(repository, tip);
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (change.make)(&view)));
    let draft = made
        .map_err(|_| GitError::Internal)?
        .map_err(GitError::of_change)?;
    let Some(draft) = draft else { return Ok(None) };
    let root = view.root()?;
    let tree = match tree::apply(repository, root.as_ref(), &draft.edits)? {
        Some(tree) => tree,
        None => empty_tree(repository)?,
    };
    let before = root.map(|root| root.id());
    let nothing_there = before.is_none() && draft.edits.values().all(|edit| *edit == FileEdit::Remove);
    if before == Some(tree) || nothing_there {
        return Ok(None);
    }
    write(repository, (tip, tree), change, &draft.message).map(Some)
}

fn write(
    repository: &Repository,
    (tip, tree): (Option<Oid>, Oid),
    change: &Change,
    message: &str,
) -> Result<Oid, GitError> {
    let failed = |error: git2::Error| trouble::local(&error, repository.path());
    if message.contains('\0') {
        return Err(GitError::Commit {
            reason: "the message holds a NUL character".to_owned(),
        });
    }
    let (author, committer) = (change.author.signature()?, change.committer.signature()?);
    let tree = repository.find_tree(tree).map_err(failed)?;
    let parent = tip
        .map(|tip| repository.find_commit(tip))
        .transpose()
        .map_err(failed)?;
    let parents: Vec<_> = parent.iter().collect();
    // No reference is moved: the commit is nobody's until the server has taken it.
    repository
        .commit(None, &author, &committer, message, &tree, &parents)
        .map_err(failed)
}

fn empty_tree(repository: &Repository) -> Result<Oid, GitError> {
    let builder = repository.treebuilder(None);
    builder
        .and_then(|builder| builder.write())
        .map_err(|error| trouble::local(&error, repository.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_holds_nothing_that_could_forge_a_commits_header() {
        let identity = Identity::new("Ann\n<x>", " ann@example.com> ").unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.email.as_str()),
            ("Annx", "ann@example.com")
        );
        assert!(Identity::new("<>", "a@b").is_err());
        assert!(Identity::new("a", "\n").is_err());
    }
}

//! What differs between two trees, at the cost of the difference.
//!
//! libgit2's own comparison is not used: it reports the modes of files through a type that knows seven of them and
//! ends the work on any other.

use std::cmp::Ordering;

use git2::{Error, ObjectType, Repository, Tree, TreeEntry};

use super::tip::{BlobId, ChangedFile, is_plain};

/// A folder before and now, none where it is not there.
type Sides<'r> = (Option<Tree<'r>>, Option<Tree<'r>>);

/// What was found to differ.
pub(super) struct Difference<'r> {
    repository: &'r Repository,
    /// Folders still to be compared. A stack of our own: a repository may be nested deeper than a thread's stack.
    open: Vec<(String, Sides<'r>)>,
    found: Vec<ChangedFile>,
}

impl<'r> Difference<'r> {
    pub(super) fn new(repository: &'r Repository) -> Self {
        Self {
            repository,
            open: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Compares two folders and all below them.
    ///
    /// # Errors
    /// A folder that differs cannot be read.
    pub(super) fn compare(&mut self, prefix: &str, sides: Sides<'r>) -> Result<(), Error> {
        self.open.push((prefix.to_owned(), sides));
        while let Some((prefix, (old, new))) = self.open.pop() {
            let (old, new) = (old.as_ref(), new.as_ref());
            let (mut before, mut now) = (Entries::of(old), Entries::of(new));
            while let Some(order) = before.against(&now) {
                let old = before.current.take_if(|_| order.is_le());
                let new = now.current.take_if(|_| order.is_ge());
                self.entry(&prefix, old.as_ref(), new.as_ref())?;
                before.advance();
                now.advance();
            }
        }
        Ok(())
    }

    /// What was found, by path.
    pub(super) fn sorted(mut self) -> Vec<ChangedFile> {
        self.found
            .sort_unstable_by(|one, other| one.path.cmp(&other.path));
        self.found
    }

    /// An entry on both sides is of the same order, so it is a folder on both or on none.
    fn entry(
        &mut self,
        prefix: &str,
        old: Option<&TreeEntry<'_>>,
        new: Option<&TreeEntry<'_>>,
    ) -> Result<(), Error> {
        let Some(Ok(name)) = new.or(old).map(TreeEntry::name) else {
            return Ok(());
        };
        let path = format!("{prefix}{name}");
        let (before, now) = (blob(old), blob(new));
        if before != now {
            self.found.push(ChangedFile { path, before, now });
        } else if old.map(TreeEntry::id) != new.map(TreeEntry::id) {
            let sides = (self.folder(old)?, self.folder(new)?);
            self.open.push((format!("{path}/"), sides));
        }
        Ok(())
    }

    fn folder(&self, entry: Option<&TreeEntry<'_>>) -> Result<Option<Tree<'r>>, Error> {
        let folder = entry.filter(|entry| is_folder(entry));
        folder
            .map(|entry| self.repository.find_tree(entry.id()))
            .transpose()
    }
}

/// The entries of a folder in Git's order, one at a time.
struct Entries<'t> {
    tree: Option<&'t Tree<'t>>,
    next: usize,
    current: Option<TreeEntry<'t>>,
}

impl<'t> Entries<'t> {
    fn of(tree: Option<&'t Tree<'t>>) -> Self {
        let mut entries = Self {
            tree,
            next: 0,
            current: None,
        };
        entries.advance();
        entries
    }

    /// Moves on if the current entry was taken.
    fn advance(&mut self) {
        if self.current.is_none() {
            self.current = self.tree.and_then(|tree| tree.get(self.next));
            self.next += 1;
        }
    }

    /// Which of the two comes first, equal if both have it; none at the end of both.
    fn against(&self, other: &Self) -> Option<Ordering> {
        match (&self.current, &other.current) {
            (None, None) => None,
            (Some(_), None) => Some(Ordering::Less),
            (None, Some(_)) => Some(Ordering::Greater),
            (Some(one), Some(two)) => Some(order(one).cmp(order(two))),
        }
    }
}

/// Git sorts a folder as if its name ended in a slash.
fn order<'e>(entry: &'e TreeEntry<'_>) -> impl Iterator<Item = u8> + 'e {
    let slash = is_folder(entry).then_some(b'/');
    entry.name_bytes().iter().copied().chain(slash)
}

fn is_folder(entry: &TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Tree)
}

fn blob(entry: Option<&TreeEntry<'_>>) -> Option<BlobId> {
    entry
        .filter(|entry| is_plain(entry))
        .map(|entry| BlobId(entry.id()))
}

//! One state of the branch, to be read: its files, their contents, and what differs from an earlier state.

use std::{fmt, path::Path};

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree, TreeEntry};

use super::{
    difference::Difference,
    error::GitError,
    path::{FilePath, FolderPath},
    trouble,
};

/// The id of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub(super) Oid);

/// The id of a file's content: two files with the same id hold the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub(super) Oid);

/// A plain file. Symlinks, submodules and names that are not UTF-8 are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// The path from the root of the repository.
    pub path: String,
    /// Its content.
    pub blob: BlobId,
}

/// A file that differs between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// The path from the root of the repository.
    pub path: String,
    /// Its content before, none if it was no plain file.
    pub before: Option<BlobId>,
    /// Its content now, none if it is no plain file any more.
    pub now: Option<BlobId>,
}

/// The branch as of one commit; without one in a repository that is still empty.
pub struct Tip<'r> {
    repository: &'r Repository,
    commit: Option<Oid>,
}

impl<'r> Tip<'r> {
    pub(super) fn new(repository: &'r Repository, commit: Option<Oid>) -> Self {
        Self { repository, commit }
    }

    /// The commit, none in an empty repository.
    pub fn commit(&self) -> Option<CommitId> {
        self.commit.map(CommitId)
    }

    /// Every plain file below the folder, by path. A folder that is not there has none.
    ///
    /// # Errors
    /// The local copy is damaged.
    pub fn files(&self, below: &FolderPath) -> Result<Vec<FileEntry>, GitError> {
        let mut found = Vec::new();
        // A stack of our own: a repository may be nested deeper than a thread's stack.
        let mut open: Vec<(String, Tree<'_>)> = self
            .folder(below)?
            .map(|tree| (prefix(below), tree))
            .into_iter()
            .collect();
        while let Some((prefix, tree)) = open.pop() {
            for entry in &tree {
                let Ok(name) = entry.name() else { continue };
                let path = format!("{prefix}{name}");
                if entry.kind() == Some(ObjectType::Tree) {
                    let inner = self.repository.find_tree(entry.id());
                    open.push((format!("{path}/"), inner.map_err(|error| self.damaged(&error))?));
                } else if is_plain(&entry) {
                    let blob = BlobId(entry.id());
                    found.push(FileEntry { path, blob });
                }
            }
        }
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// The content id of a plain file, none if there is no such file.
    ///
    /// # Errors
    /// The local copy is damaged.
    pub fn file(&self, path: &FilePath) -> Result<Option<BlobId>, GitError> {
        let entry = self.entry(path.as_str())?;
        Ok(entry.filter(is_plain).map(|entry| BlobId(entry.id())))
    }

    /// The content of a plain file, none if there is no such file.
    ///
    /// # Errors
    /// The local copy is damaged.
    pub fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>, GitError> {
        self.file(path)?.map(|blob| self.blob(blob)).transpose()
    }

    /// A content by its id.
    ///
    /// # Errors
    /// The local copy has no such content, or is damaged.
    pub fn blob(&self, blob: BlobId) -> Result<Vec<u8>, GitError> {
        let found = self.repository.find_blob(blob.0);
        Ok(found.map_err(|error| self.damaged(&error))?.content().to_vec())
    }

    /// The bytes of a content, without reading all of it: ask before reading what may be huge.
    ///
    /// # Errors
    /// The local copy has no such content, or is damaged.
    pub fn blob_size(&self, blob: BlobId) -> Result<u64, GitError> {
        let database = self.repository.odb().map_err(|error| self.damaged(&error))?;
        let header = database.read_header(blob.0);
        let (size, _) = header.map_err(|error| self.damaged(&error))?;
        Ok(size as u64)
    }

    /// The plain files below the folder that differ from an earlier state, by path, at the cost of the difference.
    ///
    /// None when the earlier state is not known any more: then everything has to be read.
    ///
    /// # Errors
    /// The local copy is damaged.
    pub fn changes_since(
        &self,
        earlier: Option<CommitId>,
        below: &FolderPath,
    ) -> Result<Option<Vec<ChangedFile>>, GitError> {
        let earlier = Tip::new(self.repository, earlier.map(|commit| commit.0));
        if !earlier.is_known() {
            return Ok(None);
        }
        let (old, new) = (earlier.folder(below)?, self.folder(below)?);
        let mut difference = Difference::new(self.repository);
        let compared = difference.compare(&prefix(below), (old, new));
        compared.map_err(|error| self.damaged(&error))?;
        Ok(Some(difference.sorted()))
    }

    /// The root tree, none in an empty repository.
    pub(super) fn root(&self) -> Result<Option<Tree<'r>>, GitError> {
        let Some(commit) = self.commit else {
            return Ok(None);
        };
        let tree = self
            .repository
            .find_commit(commit)
            .and_then(|commit| commit.tree());
        tree.map(Some).map_err(|error| self.damaged(&error))
    }

    fn is_known(&self) -> bool {
        self.commit
            .is_none_or(|commit| self.repository.find_commit(commit).is_ok())
    }

    fn folder(&self, path: &FolderPath) -> Result<Option<Tree<'r>>, GitError> {
        if path.as_str().is_empty() {
            return self.root();
        }
        match self.entry(path.as_str())? {
            Some(entry) if entry.kind() == Some(ObjectType::Tree) => {
                let tree = self.repository.find_tree(entry.id());
                tree.map(Some).map_err(|error| self.damaged(&error))
            }
            _ => Ok(None),
        }
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry<'static>>, GitError> {
        let Some(root) = self.root()? else { return Ok(None) };
        match root.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.damaged(&error)),
        }
    }

    fn damaged(&self, error: &git2::Error) -> GitError {
        trouble::local(error, self.repository.path())
    }
}

/// The part of a mode that says what kind of thing an entry is.
const KIND: i32 = 0o170_000;

/// A file with content of its own, whatever its permissions.
const PLAIN: i32 = 0o100_000;

/// Whether the entry is a plain file; executable ones are, and those with modes that only old tools wrote (100664).
pub(super) fn is_plain(entry: &TreeEntry<'_>) -> bool {
    entry.filemode_raw() & KIND == PLAIN
}

fn prefix(folder: &FolderPath) -> String {
    match folder.as_str() {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Tip<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tip").field(&self.commit).finish()
    }
}

//! Builds a new tree in the object database from the old one and a few edits; only the folders on the way are read.

use std::collections::BTreeMap;

use git2::{FileMode, ObjectType, Oid, Repository, Tree, TreeBuilder, TreeEntry};

use super::{
    error::GitError,
    path::{FilePath, PathError},
    tip::is_plain,
    trouble,
};

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEdit {
    /// It holds these bytes from now on, whether it was there or not.
    Write(Vec<u8>),
    /// It is not there any more; nothing happens if it was not.
    Remove,
}

/// The edits of a folder: files, and folders with edits of their own.
#[derive(Default)]
struct FolderEdits<'e> {
    files: BTreeMap<&'e str, (&'e FilePath, &'e FileEdit)>,
    folders: BTreeMap<&'e str, FolderEdits<'e>>,
}

/// Writes the objects for the tree with the edits applied; returns its id, none if it would be empty.
///
/// # Errors
/// A symlink, submodule, file or folder is in the way, or the object database cannot be used.
pub(super) fn apply(
    repository: &Repository,
    root: Option<&Tree<'_>>,
    edits: &BTreeMap<FilePath, FileEdit>,
) -> Result<Option<Oid>, GitError> {
    let mut all = FolderEdits::default();
    for (path, edit) in edits {
        all.add(path, edit)?;
    }
    Builder { repository }.folder(root, &all, "")
}

impl<'e> FolderEdits<'e> {
    fn add(&mut self, path: &'e FilePath, edit: &'e FileEdit) -> Result<(), GitError> {
        let mut folder = self;
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            let is_file = parts.peek().is_none();
            let other_kind = if is_file {
                folder.folders.contains_key(part)
            } else {
                folder.files.contains_key(part)
            };
            if other_kind {
                return Err(obstacle(
                    Some(path),
                    part,
                    "a file and a folder in the same change",
                ));
            }
            if is_file {
                folder.files.insert(part, (path, edit));
                break;
            }
            folder = folder.folders.entry(part).or_default();
        }
        Ok(())
    }

    /// Any file below, to name it in an error.
    fn example(&self) -> Option<&'e FilePath> {
        let here = self.files.values().next().map(|(path, _)| *path);
        here.or_else(|| self.folders.values().find_map(Self::example))
    }

    fn only_removes(&self) -> bool {
        let files = self.files.values().all(|(_, edit)| **edit == FileEdit::Remove);
        files && self.folders.values().all(Self::only_removes)
    }
}

struct Builder<'r> {
    repository: &'r Repository,
}

impl Builder<'_> {
    /// Paths are bounded in length, and so is this recursion.
    fn folder(
        &self,
        old: Option<&Tree<'_>>,
        edits: &FolderEdits<'_>,
        here: &str,
    ) -> Result<Option<Oid>, GitError> {
        let mut builder = self
            .repository
            .treebuilder(old)
            .map_err(|error| self.failed(&error))?;
        for (name, inner) in &edits.folders {
            self.edit_folder(&mut builder, (name, inner), here)?;
        }
        for (name, (path, edit)) in &edits.files {
            self.edit_file(&mut builder, name, (path, edit))?;
        }
        if builder.is_empty() {
            return Ok(None);
        }
        builder.write().map(Some).map_err(|error| self.failed(&error))
    }

    fn edit_folder(
        &self,
        builder: &mut TreeBuilder<'_>,
        (name, edits): (&str, &FolderEdits<'_>),
        here: &str,
    ) -> Result<(), GitError> {
        let path = format!("{here}{name}");
        let old = match self.entry(builder, name)? {
            None if edits.only_removes() => return Ok(()),
            None => None,
            Some(entry) if entry.kind() == Some(ObjectType::Tree) => Some(entry.id()),
            Some(entry) => return Err(obstacle(edits.example(), &path, kind(&entry))),
        };
        let old = old.map(|id| self.repository.find_tree(id)).transpose();
        let old = old.map_err(|error| self.failed(&error))?;
        match self.folder(old.as_ref(), edits, &format!("{path}/"))? {
            Some(id) => self.insert(builder, name, (id, FileMode::Tree.into())),
            None => self.remove(builder, name),
        }
    }

    fn edit_file(
        &self,
        builder: &mut TreeBuilder<'_>,
        name: &str,
        (path, edit): (&FilePath, &FileEdit),
    ) -> Result<(), GitError> {
        let entry = self.entry(builder, name)?;
        let mode = entry.as_ref().map(TreeEntry::filemode);
        if let Some(entry) = entry.filter(|entry| !is_plain(entry)) {
            return Err(obstacle(Some(path), path.as_str(), kind(&entry)));
        }
        match edit {
            FileEdit::Write(bytes) => {
                let blob = self.repository.blob(bytes).map_err(|error| self.failed(&error))?;
                // An executable file stays one.
                self.insert(builder, name, (blob, mode.unwrap_or(FileMode::Blob.into())))
            }
            FileEdit::Remove if mode.is_some() => self.remove(builder, name),
            FileEdit::Remove => Ok(()),
        }
    }

    fn entry(&self, builder: &TreeBuilder<'_>, name: &str) -> Result<Option<TreeEntry<'static>>, GitError> {
        let entry = builder.get(name).map_err(|error| self.failed(&error))?;
        Ok(entry.map(|entry| entry.to_owned()))
    }

    fn insert(
        &self,
        builder: &mut TreeBuilder<'_>,
        name: &str,
        (id, mode): (Oid, i32),
    ) -> Result<(), GitError> {
        let inserted = builder.insert(name, id, mode);
        inserted.map(|_| ()).map_err(|error| self.failed(&error))
    }

    fn remove(&self, builder: &mut TreeBuilder<'_>, name: &str) -> Result<(), GitError> {
        if self.entry(builder, name)?.is_some() {
            builder.remove(name).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    fn failed(&self, error: &git2::Error) -> GitError {
        trouble::local(error, self.repository.path())
    }
}

fn kind(entry: &TreeEntry<'_>) -> &'static str {
    match entry.kind() {
        Some(ObjectType::Tree) => "a folder",
        Some(ObjectType::Commit) => "a submodule",
        _ if is_plain(entry) => "a file",
        _ => "a symlink",
    }
}

fn obstacle(path: Option<&FilePath>, obstacle: &str, kind: &'static str) -> GitError {
    GitError::Path(PathError::InTheWay {
        path: path.map(ToString::to_string).unwrap_or_default(),
        obstacle: obstacle.to_owned(),
        kind,
    })
}

//! Reads files and remembers which ones, so that they can be watched.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    time::Duration,
};

/// An editor that truncates before it writes leaves an empty file for a moment; Backstage looks again after 10 ms.
const EMPTY_FILE_GRACE: Duration = Duration::from_millis(10);

/// Reads text files as UTF-8; remembers every path, also those that could not be read.
#[derive(Debug, Default)]
pub(super) struct FileReader {
    read: BTreeSet<PathBuf>,
}

/// Why a file could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    Missing,
    /// Node's words for the failure.
    Other(String),
}

impl FileReader {
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.read.insert(path.to_owned());
        let once = || std::fs::read(path).map_err(|error| ReadError::from_io(&error, path));
        let content = once()?;
        if content.is_empty() {
            std::thread::sleep(EMPTY_FILE_GRACE);
            return once();
        }
        Ok(content)
    }

    pub(super) fn into_paths(self) -> BTreeSet<PathBuf> {
        self.read
    }
}

impl ReadError {
    fn from_io(error: &std::io::Error, path: &Path) -> Self {
        let path = path.display();
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::IsADirectory => {
                Self::Other("EISDIR: illegal operation on a directory, read".to_owned())
            }
            ErrorKind::PermissionDenied => Self::Other(format!("EACCES: permission denied, open '{path}'")),
            ErrorKind::NotADirectory => Self::Other(format!("ENOTDIR: not a directory, open '{path}'")),
            _ => Self::Other(format!("{error}, open '{path}'")),
        }
    }
}

/// Joins and normalises by text alone, as Node's `path.resolve` does: `..` is taken off before links are followed.
pub(super) fn resolve(base: &Path, path: &str) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_by_text() {
        let resolved = |path| resolve(Path::new("/a/b"), path);
        assert_eq!(resolved("../c/./d"), Path::new("/a/c/d"));
        assert_eq!(resolved("/x/../../y"), Path::new("/y"));
        assert_eq!(resolved(""), Path::new("/a/b"));
    }
}

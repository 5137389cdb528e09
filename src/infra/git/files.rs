//! Small file operations with the modes a service's private folder should have.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Only the owner may look in.
const PRIVATE_FOLDER: u32 = 0o700;

/// Only the owner may read.
const PRIVATE_FILE: u32 = 0o600;

/// Writes a new file that nobody else may read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)?;
    file.write_all(content)
}

/// Makes the folder and those above it, unless it is there.
pub(super) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_FOLDER)
        .create(path)
}

/// Calls back with each entry of the folder, none if it cannot be read.
pub(super) fn each_entry(folder: &Path, mut visit: impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if let Some(name) = entry.file_name().to_str() {
            visit(&entry.path(), name);
        }
    }
}

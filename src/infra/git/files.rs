//! Small file operations with the modes a service's private folder should have.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

/// Only the owner may look in.
const PRIVATE_FOLDER: u32 = 0o700;

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

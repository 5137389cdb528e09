//! Whether a copy that an earlier process left can be used.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use flate2::read::ZlibDecoder;
use git2::{ErrorCode, Repository};

use super::{files, remote::BranchName};

/// What an object of Git begins with: its kind, a space, its size, a zero. Longer than any.
const LONGEST_HEADER: usize = 32;

/// Clears away what a killed process leaves and looks whether the rest is whole; returns the number of packs.
///
/// # Errors
/// Why the copy cannot be used.
pub(super) fn examine(path: &Path, branch: &BranchName) -> Result<usize, String> {
    clear(path);
    let repository = Repository::open_bare(path).map_err(|error| error.message().to_owned())?;
    // First: libgit2 1.9 never returns from a loose object that ends early.
    loose_objects_are_whole(&path.join("objects"))?;
    leads_to_files(&repository, branch).map_err(|error| error.message().to_owned())?;
    Ok(count_packs(path))
}

/// Removes locks nobody holds and temporary files.
fn clear(path: &Path) {
    remove_files(path, |name| name.ends_with(".lock"));
    remove_locks(&path.join("refs"));
    remove_files(&path.join("objects"), |name| name.starts_with("tmp_"));
    let finished = [".pack", ".idx", ".keep", ".rev", ".mtimes"];
    remove_files(&path.join("objects/pack"), |name| {
        !finished.iter().any(|ending| name.ends_with(ending))
    });
}

fn count_packs(path: &Path) -> usize {
    let mut packs = 0;
    files::each_entry(&path.join("objects/pack"), |_, name| {
        packs += usize::from(name.ends_with(".pack"));
    });
    packs
}

/// The branch, if it is there, leads to files.
fn leads_to_files(repository: &Repository, branch: &BranchName) -> Result<(), git2::Error> {
    match repository.find_reference(&branch.reference()) {
        Ok(reference) => reference.peel_to_tree().map(|_| ()),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn loose_objects_are_whole(objects: &Path) -> Result<(), String> {
    let mut broken = None;
    files::each_entry(objects, |folder, name| {
        if name.len() == 2 {
            files::each_entry(folder, |file, _| {
                if !is_whole(file).unwrap_or(false) {
                    broken = Some(file.to_owned());
                }
            });
        }
    });
    match broken {
        Some(file) => Err(format!("{} is cut short", file.display())),
        None => Ok(()),
    }
}

/// Whether the file unpacks to its end and is as long as it says.
fn is_whole(file: &Path) -> io::Result<bool> {
    let packed = fs::read(file)?;
    let mut content = Vec::new();
    ZlibDecoder::new(packed.as_slice()).read_to_end(&mut content)?;
    let header = content.iter().take(LONGEST_HEADER).position(|byte| *byte == 0);
    let Some((header, body)) = header.and_then(|end| content.split_at_checked(end)) else {
        return Ok(false);
    };
    let size = std::str::from_utf8(header)
        .ok()
        .and_then(|header| header.rsplit(' ').next()?.parse::<usize>().ok());
    Ok(size == Some(body.len() - 1))
}

fn remove_files(folder: &Path, unwanted: impl Fn(&str) -> bool) {
    files::each_entry(folder, |path, name| {
        if path.is_file() && unwanted(name) {
            let _ = fs::remove_file(path);
        }
    });
}

/// Branch names may hold slashes, so references lie in folders.
fn remove_locks(folder: &Path) {
    remove_files(folder, |name| name.ends_with(".lock"));
    files::each_entry(folder, |path, _| {
        if path.is_dir() {
            remove_locks(path);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(bytes: &[u8]) -> bool {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        is_whole(file.path()).unwrap_or(false)
    }

    #[test]
    fn an_object_is_whole_when_it_unpacks_to_the_size_it_names() {
        let object = packed(b"blob 5\0hello");
        assert!(whole(&object));
        for cut in 0..object.len() {
            assert!(!whole(&object[..cut]), "{cut}");
        }
        assert!(!whole(&packed(b"blob 6\0hello")));
        assert!(!whole(&packed(b"nonsense")));
        assert!(whole(&packed(b"blob 0\0")));
    }
}

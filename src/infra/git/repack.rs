//! Packs a copy: many small packs and loose objects become one pack of a new copy.
//!
//! libgit2 has no `gc`, and its packs are made without the differences that are packed already. So a pack is left as it
//! is when it is at least as large as all smaller ones together: what was cloned once is not packed over and over, and
//! the number of packs grows with the logarithm of their size.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use git2::{Error, Oid, Repository};

use super::{files, generation::Generation};

/// Where the ids begin in the index of a pack (version 2): after the signature, the version and the table of 256.
const FIRST_ID: usize = 8 + 256 * 4;

/// Bytes of an id.
const ID: usize = 20;

/// What has been brought over, by names below `objects`.
pub(super) struct Copied(BTreeSet<PathBuf>);

/// Makes a new copy below the folder that holds what the old one holds.
///
/// # Errors
/// It cannot be made; what was made of it is deleted.
pub(super) fn pack(folder: &Path, old: &Generation) -> Result<(Generation, Copied), Error> {
    let new = Generation::make(folder)?;
    match fill(old, &new) {
        Ok(copied) => Ok((new, copied)),
        Err(error) => {
            new.retire();
            Err(error)
        }
    }
}

fn fill(old: &Generation, new: &Generation) -> Result<Copied, Error> {
    let files = object_files(old.path());
    let (large, small) = split(&packs(old.path(), &files));
    let repository = Repository::open_bare(old.path())?;
    let mut builder = repository.packbuilder()?;
    builder.set_threads(1);
    for pack in &small {
        for id in ids(&old.path().join("objects").join(pack.with_extension("idx")))? {
            builder.insert_object(id, None)?;
        }
    }
    for id in files.iter().filter_map(|file| loose_id(file)) {
        builder.insert_object(id, None)?;
    }
    if builder.object_count() > 0 {
        builder.write(&new.path().join("objects/pack"), 0)?;
    }
    for pack in large {
        for ending in ["pack", "idx"] {
            bring(&pack.with_extension(ending), old, new).map_err(|error| os(&error))?;
        }
    }
    Ok(Copied(files))
}

impl Copied {
    /// Brings over what the old copy was given meanwhile.
    ///
    /// # Errors
    /// A file can be neither linked nor copied.
    pub(super) fn catch_up(&self, old: &Generation, new: &Generation) -> Result<(), Error> {
        let now = object_files(old.path());
        // An index makes its pack count, so it comes after it.
        let (indexes, others): (Vec<_>, Vec<_>) =
            now.difference(&self.0).partition(|file| has_ending(file, "idx"));
        for file in others.into_iter().chain(indexes) {
            bring(file, old, new).map_err(|error| os(&error))?;
        }
        Ok(())
    }
}

/// Packs, finished ones alone, and loose objects, by names below `objects`.
fn object_files(copy: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    files::each_entry(&copy.join("objects"), |folder, name| {
        if name.len() == 2 || name == "pack" {
            files::each_entry(folder, |_, file| {
                let file = Path::new(name).join(file);
                if loose_id(&file).is_some() || has_ending(&file, "pack") || has_ending(&file, "idx") {
                    found.insert(file);
                }
            });
        }
    });
    found
}

/// Each pack that has its index, and its size, the largest first.
fn packs(copy: &Path, files: &BTreeSet<PathBuf>) -> Vec<(PathBuf, u64)> {
    let whole = files
        .iter()
        .filter(|file| has_ending(file, "pack") && files.contains(&file.with_extension("idx")));
    let size = |file: &Path| fs::metadata(copy.join("objects").join(file)).map_or(0, |data| data.len());
    let mut packs: Vec<_> = whole.map(|file| (file.clone(), size(file))).collect();
    packs.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    packs
}

/// Those to keep, and those to pack together.
fn split(packs: &[(PathBuf, u64)]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let rest = |from: usize| packs[from..].iter().map(|(_, size)| size).sum::<u64>();
    let large = (0..packs.len())
        .take_while(|at| packs[*at].1 >= rest(at + 1))
        .count();
    let (large, small) = packs.split_at(large);
    let names = |packs: &[(PathBuf, u64)]| packs.iter().map(|(name, _)| name.clone()).collect();
    (names(large), names(small))
}

/// The ids in the index of a pack.
fn ids(index: &Path) -> Result<Vec<Oid>, Error> {
    let bytes = fs::read(index).map_err(|error| os(&error))?;
    let damaged = || Error::from_str("the index of a pack is damaged");
    let count = bytes
        .get(FIRST_ID - 4..FIRST_ID)
        .and_then(|count| count.try_into().ok());
    let count = count.map(u32::from_be_bytes).ok_or_else(damaged)? as usize;
    let ids = bytes
        .get(FIRST_ID..)
        .and_then(|rest| rest.get(..count.checked_mul(ID)?));
    ids.ok_or_else(damaged)?
        .chunks_exact(ID)
        .map(Oid::from_bytes)
        .collect()
}

/// The id of a loose object, which is its folder and its name.
fn loose_id(file: &Path) -> Option<Oid> {
    let (folder, name) = (file.parent()?.to_str()?, file.file_name()?.to_str()?);
    let text = format!("{folder}{name}");
    (text.len() == 2 * ID)
        .then(|| Oid::from_str(&text).ok())
        .flatten()
}

fn has_ending(file: &Path, ending: &str) -> bool {
    file.extension().is_some_and(|found| found == ending)
}

/// Objects never change, so both copies may share a file.
fn bring(file: &Path, old: &Generation, new: &Generation) -> io::Result<()> {
    let [from, to] = [old, new].map(|copy| copy.path().join("objects").join(file));
    if to.exists() {
        return Ok(());
    }
    to.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ()))
}

fn os(error: &io::Error) -> Error {
    Error::from_str(&error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn kept(sizes: &[u64]) -> usize {
        let packs: Vec<_> = sizes.iter().map(|size| (PathBuf::new(), *size)).collect();
        split(&packs).0.len()
    }

    #[test]
    fn a_pack_is_kept_when_it_is_as_large_as_all_smaller_ones_together() {
        assert_eq!(kept(&[1000, 10, 10, 10]), 1);
        assert_eq!(kept(&[1000, 30, 10, 10, 10]), 2);
        assert_eq!(kept(&[10, 10, 10]), 0);
        assert_eq!(kept(&[7]), 1);
        assert_eq!(kept(&[]), 0);
    }

    #[test]
    fn a_loose_object_is_known_by_its_folder_and_name() {
        let name = "a".repeat(38);
        assert!(loose_id(&Path::new("ab").join(&name)).is_some());
        for other in ["pack/pack-1.idx", "ab/tmp_obj_1", "info/packs"] {
            assert!(loose_id(Path::new(other)).is_none(), "{other}");
        }
    }

    fn blob(copy: &Arc<Generation>, text: &str) -> Oid {
        copy.open().unwrap().blob(text.as_bytes()).unwrap()
    }

    fn read(copy: &Arc<Generation>, id: Oid) -> Option<Vec<u8>> {
        let handle = copy.open().unwrap();
        handle.find_blob(id).ok().map(|blob| blob.content().to_vec())
    }

    #[test]
    fn loose_objects_and_packs_are_one_pack_afterwards_and_latecomers_follow() {
        let folder = tempfile::tempdir().unwrap();
        let one = Arc::new(Generation::make(folder.path()).unwrap());
        let mut ids: Vec<_> = (0..50)
            .map(|number| blob(&one, &format!("text {number}")))
            .collect();
        let two = Arc::new(pack(folder.path(), &one).unwrap().0);
        assert_eq!(object_files(two.path()).len(), 2, "a pack and its index");
        ids.push(blob(&two, "one more"));
        let (three, copied) = pack(folder.path(), &two).unwrap();
        let three = Arc::new(three);
        ids.push(blob(&two, "late"));
        assert_eq!(read(&three, ids[51]), None);
        copied.catch_up(&two, &three).unwrap();
        for id in &ids {
            assert_eq!(read(&three, *id), read(&two, *id), "{id}");
        }
        assert_eq!(packs(three.path(), &object_files(three.path())).len(), 2);
        drop((one, two));
        assert_eq!(read(&three, ids[0]).unwrap(), b"text 0");
    }

    #[test]
    fn a_damaged_index_is_an_error_and_leaves_the_old_copy_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let one = Arc::new(Generation::make(folder.path()).unwrap());
        let pack_folder = one.path().join("objects/pack");
        for (name, size) in [("pack-1", 10), ("pack-2", 9), ("pack-3", 9)] {
            fs::write(pack_folder.join(format!("{name}.pack")), vec![0; size]).unwrap();
            fs::write(pack_folder.join(format!("{name}.idx")), [0; FIRST_ID - 1]).unwrap();
        }
        assert!(pack(folder.path(), &one).is_err());
        assert!(one.path().exists());
    }
}

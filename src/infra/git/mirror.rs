//! The local copy of one branch, which can be thrown away at any time and is made anew from the server.
//!
//! Nothing in it is needed: what was acknowledged is on the server. A process that is killed leaves a usable copy,
//! because Git writes objects under a temporary name first, or one that is noticed and made anew.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use git2::{Oid, Repository};
use parking_lot::Mutex;
use tracing::warn;

use super::{
    error::GitError,
    files,
    generation::{self, Generation, Handle},
    remote::BranchName,
    repack, soundness,
    transport::has,
    trouble,
};

/// How long to wait for another process to let go of the copy.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Between two attempts at that.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Differs after each start of the machine (Linux).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The file that names the copy in use.
const CURRENT: &str = "current";

/// What the server was last seen to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Where the branch is, none in an empty repository.
    pub(super) tip: Option<Oid>,
    /// When the server was asked.
    pub(super) as_of: Instant,
}

/// The local copy. One process at a time has it.
#[derive(Debug)]
pub(super) struct Mirror {
    folder: PathBuf,
    branch: BranchName,
    /// Read without a lock: the async side asks for it.
    known: ArcSwapOption<Known>,
    /// Held while copies are exchanged and while what is known moves, for the time of a few small files; never while
    /// anything is fetched, packed or deleted.
    current: Mutex<Option<Arc<Generation>>>,
    /// The branch was there at some time.
    seen: AtomicBool,
    packing: AtomicBool,
    /// The operating system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Mirror {
    /// Takes the folder and clears away what a killed process left in it.
    ///
    /// # Errors
    /// The folder cannot be made, or another process has it.
    pub(super) fn open(folder: PathBuf, branch: BranchName) -> Result<Self, GitError> {
        let failed = |error: io::Error| io_error(&folder, &error);
        files::make_private_folder(&folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        take(&lock, &folder)?;
        let copy = usable_copy(&folder, &branch);
        sweep(&folder, copy.as_ref());
        Ok(Self {
            folder,
            branch,
            known: ArcSwapOption::empty(),
            current: Mutex::new(copy.map(Arc::new)),
            seen: AtomicBool::new(false),
            packing: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// The repository, made anew if it is not there or cannot be opened. Cheap: to be called for each piece of work.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn repository(&self) -> Result<Handle, GitError> {
        let generation = self.generation()?;
        let opened = generation.open().or_else(|error| {
            self.discard(&generation, error.message());
            self.generation()?.open().map_err(|error| self.failed(&error))
        })?;
        Ok(opened)
    }

    /// Puts this copy aside; the next piece of work makes one anew. Nothing happens if it is not the current one any
    /// more. Those at work on it finish.
    pub(super) fn discard(&self, generation: &Arc<Generation>, reason: &str) {
        let mut current = self.current.lock();
        if !is_current(&current, generation) {
            return;
        }
        warn!(folder = %self.folder.display(), "The local copy of a repository is made anew: {reason}");
        let _ = fs::remove_file(self.folder.join(CURRENT));
        self.known.store(None);
        generation.retire();
        *current = None;
    }

    /// What the server was last seen to have, if it was asked since the copy was made.
    pub(super) fn known(&self) -> Option<Known> {
        self.known.load().as_deref().copied()
    }

    /// Remembers what the server has, as this copy holds it. Something older than what is known is passed over.
    /// Returns whether the copy is still the current one; if not, nothing is remembered.
    ///
    /// # Errors
    /// The reference cannot be written.
    pub(super) fn note(&self, handle: &Handle, seen: Known) -> Result<bool, GitError> {
        let current = self.current.lock();
        if !is_current(&current, handle.generation()) {
            return Ok(false);
        }
        if self.known().is_none_or(|known| known.as_of <= seen.as_of) {
            self.remember(handle, seen)?;
        }
        Ok(true)
    }

    /// Remembers that the server took the commit, so that a fetch begun before cannot hide it. A fetch that has
    /// already seen more is kept.
    ///
    /// # Errors
    /// The reference cannot be written.
    pub(super) fn note_landed(&self, handle: &Handle, commit: Oid) -> Result<(), GitError> {
        let current = self.current.lock();
        if !is_current(&current, handle.generation()) {
            // The copy of today may lack the commit: the server has to be asked.
            self.known.store(None);
            return Ok(());
        }
        let beyond = self
            .known()
            .and_then(|known| known.tip)
            .is_some_and(|tip| has(handle, tip) && handle.graph_descendant_of(tip, commit).unwrap_or(false));
        if beyond {
            return Ok(());
        }
        let seen = Known {
            tip: Some(commit),
            as_of: Instant::now(),
        };
        self.remember(handle, seen)
    }

    /// Forgets that the branch is at a commit which turned out not to be in the copy.
    pub(super) fn forget(&self, commit: Oid) {
        let _current = self.current.lock();
        if self.known().is_some_and(|known| known.tip == Some(commit)) {
            self.known.store(None);
        }
    }

    /// Whether the branch was there at an earlier time.
    pub(super) fn remembers_branch(&self, repository: &Repository) -> bool {
        self.seen.load(Ordering::Acquire) || repository.refname_to_id(&self.branch.reference()).is_ok()
    }

    /// Packs a copy that has grown, off everybody's way.
    pub(super) fn tidy(self: &Arc<Self>, generation: &Arc<Generation>) {
        if !generation.is_overgrown() || self.packing.swap(true, Ordering::AcqRel) {
            return;
        }
        let (mirror, generation) = (Arc::clone(self), Arc::clone(generation));
        // Neither this round nor the end of the process waits for it.
        let begun = thread::Builder::new().name("git-pack".to_owned()).spawn(move || {
            if let Err(error) = mirror.pack(&generation) {
                warn!(folder = %mirror.folder.display(), "The local copy of a repository could not be packed: {error}");
                generation.count_anew();
            }
            mirror.packing.store(false, Ordering::Release);
        });
        if begun.is_err() {
            self.packing.store(false, Ordering::Release);
        }
    }

    fn pack(&self, old: &Arc<Generation>) -> Result<(), GitError> {
        let packed = repack::pack(&self.folder, old);
        let (new, copied) = packed.map_err(|error| self.failed(&error))?;
        let new = Arc::new(new);
        let mut current = self.current.lock();
        let tip = self.known().and_then(|known| known.tip);
        let outcome = match is_current(&current, old) {
            true => copied.catch_up(old, &new).and_then(|()| self.adopt(&new, tip)),
            // Made anew meanwhile: there is nothing to pack.
            false => Ok(false),
        };
        let (retired, taken) = match outcome {
            Ok(true) => (old, true),
            _ => (&new, false),
        };
        retired.retire();
        if taken {
            *current = Some(Arc::clone(&new));
        }
        drop(current);
        outcome.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Whether the new copy holds what the old one was known to hold; then it is the one in use from now on.
    fn adopt(&self, new: &Arc<Generation>, tip: Option<Oid>) -> Result<bool, git2::Error> {
        let handle = new.open()?;
        if let Some(tip) = tip {
            handle.find_commit(tip)?.tree()?;
            handle.reference(&self.branch.reference(), tip, true, "seen on the server")?;
        }
        handle.done();
        write_current(&self.folder, new).map_err(|error| git2::Error::from_str(&error.to_string()))?;
        Ok(true)
    }

    /// The next fetch begins from the reference, and a branch once seen is missed when it is gone.
    fn remember(&self, handle: &Handle, seen: Known) -> Result<(), GitError> {
        let reference = self.branch.reference();
        if let Some(tip) = seen.tip {
            self.seen.store(true, Ordering::Release);
            if handle.refname_to_id(&reference).ok() != Some(tip) {
                let written = handle.reference(&reference, tip, true, "seen on the server");
                written.map_err(|error| self.failed(&error))?;
            }
        }
        self.known.store(Some(Arc::new(seen)));
        Ok(())
    }

    fn generation(&self) -> Result<Arc<Generation>, GitError> {
        let mut current = self.current.lock();
        if let Some(generation) = current.as_ref() {
            return Ok(Arc::clone(generation));
        }
        let made = Generation::make(&self.folder).map_err(|error| self.failed(&error))?;
        let made = Arc::new(made);
        // If it cannot be written, the next process makes the copy anew.
        let _ = write_current(&self.folder, &made);
        *current = Some(Arc::clone(&made));
        Ok(made)
    }

    fn failed(&self, error: &git2::Error) -> GitError {
        trouble::local(error, &self.folder)
    }
}

fn is_current(current: &Option<Arc<Generation>>, generation: &Arc<Generation>) -> bool {
    current
        .as_ref()
        .is_some_and(|current| Arc::ptr_eq(current, generation))
}

/// Under another name first, so that it names a copy or does not exist.
fn write_current(folder: &Path, generation: &Generation) -> io::Result<()> {
    let name = generation.path().file_name().unwrap_or_default();
    let new = folder.join("current.new");
    fs::write(&new, name.as_encoded_bytes())?;
    fs::rename(new, folder.join(CURRENT))
}

/// The copy that an earlier process left, if it can be used.
///
/// Nothing is synced to disk, so a machine that lost power may have cut any file short. A process that is killed loses
/// nothing.
fn usable_copy(folder: &Path, branch: &BranchName) -> Option<Generation> {
    let (boot, file) = (fs::read(BOOT_ID).unwrap_or_default(), folder.join("boot"));
    let same_boot = fs::read(&file).is_ok_and(|written| written == boot);
    // If it cannot be written, the next process makes the copy anew.
    let _ = fs::write(file, boot);
    let name = fs::read_to_string(folder.join(CURRENT)).ok()?;
    let path = folder.join(name.strip_prefix(generation::PREFIX).map(|_| &name)?);
    let used = match same_boot {
        true => soundness::examine(&path, branch),
        false => Err("the machine was restarted since".to_owned()),
    };
    if let Err(reason) = &used {
        warn!(folder = %folder.display(), "The local copy of a repository is made anew: {reason}");
    }
    used.ok().map(|packs| Generation::existing(path, packs))
}

/// Deletes copies that are not in use, beside everything else.
fn sweep(folder: &Path, used: Option<&Generation>) {
    let mut unused = Vec::new();
    files::each_entry(folder, |path, _| {
        if path.is_dir() && used.is_none_or(|used| used.path() != path) {
            unused.push(path.to_owned());
        }
    });
    if !unused.is_empty() {
        // What stays is deleted at the next start.
        let _ = thread::Builder::new().spawn(move || unused.iter().map(fs::remove_dir_all).for_each(drop));
    }
}

/// Takes the lock, waiting a moment for a process that is about to end.
fn take(lock: &File, folder: &Path) -> Result<(), GitError> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(io_error(folder, &error)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(GitError::MirrorInUse {
                    folder: folder.display().to_string(),
                });
            }
        }
    }
}

fn io_error(folder: &Path, error: &io::Error) -> GitError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => GitError::DiskFull {
            folder: folder.display().to_string(),
        },
        kind => GitError::Mirror {
            reason: format!("{}: {kind}", folder.display()),
        },
    }
}

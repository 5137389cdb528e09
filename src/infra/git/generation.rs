//! One local copy: a bare repository in a folder of its own, which is never changed into another one.
//!
//! A copy that is made anew or packed is a new generation with a new folder. Whoever is at work on the old one ends its
//! work on it; the folder is deleted when the last of them is done.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use git2::{Repository, RepositoryInitOptions};
use parking_lot::Mutex;
use uuid::Uuid;

/// What a copy's folder begins with.
pub(super) const PREFIX: &str = "copy-";

/// Opened repositories that are kept for the next piece of work.
const MOST_IDLE: usize = 8;

/// Packs after which a copy is packed: each fetch adds one and every look-up may go through all.
const MOST_PACKS: usize = 100;

/// Commits of ours after which it is packed: each leaves some files, one for each object.
const MOST_COMMITS: usize = 1_000;

/// A copy.
#[derive(Debug)]
pub(super) struct Generation {
    path: PathBuf,
    /// Opening costs more than most reads do.
    idle: Mutex<Idle>,
    packs: AtomicUsize,
    commits: AtomicUsize,
    retired: AtomicBool,
}

#[derive(Default)]
struct Idle {
    repositories: Vec<Repository>,
    /// How often those opened before were distrusted.
    distrusted: u64,
}

/// A repository of this generation, opened.
pub(super) struct Handle {
    repository: Repository,
    generation: Arc<Generation>,
    distrusted: u64,
}

impl Generation {
    /// One that is there and holds so many packs.
    pub(super) fn existing(path: PathBuf, packs: usize) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            packs: AtomicUsize::new(packs),
            commits: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
        }
    }

    /// Makes an empty one below the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn make(folder: &Path) -> Result<Self, git2::Error> {
        let path = folder.join(format!("{PREFIX}{}.git", Uuid::new_v4()));
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        let repository = Repository::init_opts(&path, &options)?;
        let mut config = repository.config()?;
        config.set_bool("core.logAllRefUpdates", false)?;
        Ok(Self::existing(path, 0))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it, or takes one that was opened before.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(self: &Arc<Self>) -> Result<Handle, git2::Error> {
        let (idle, distrusted) = {
            let mut idle = self.idle.lock();
            (idle.repositories.pop(), idle.distrusted)
        };
        let repository = match idle {
            Some(repository) => repository,
            None => Repository::open_bare(&self.path)?,
        };
        Ok(Handle {
            repository,
            generation: Arc::clone(self),
            distrusted,
        })
    }

    /// To be deleted when nobody is at work on it any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.distrust();
    }

    /// Closes what is open as soon as nobody works with it: it may remember what is on the disk no more.
    pub(super) fn distrust(&self) {
        let mut idle = self.idle.lock();
        idle.repositories.clear();
        idle.distrusted += 1;
    }

    /// A fetch has added a pack.
    pub(super) fn add_pack(&self) {
        self.packs.fetch_add(1, Ordering::Relaxed);
    }

    /// A round has added commits.
    pub(super) fn add_commits(&self, commits: usize) {
        self.commits.fetch_add(commits, Ordering::Relaxed);
    }

    /// Whether it should be packed.
    pub(super) fn is_overgrown(&self) -> bool {
        self.packs.load(Ordering::Relaxed) > MOST_PACKS || self.commits.load(Ordering::Relaxed) > MOST_COMMITS
    }

    /// Counts from the beginning, so that what could not be packed is tried again much later.
    pub(super) fn count_anew(&self) {
        self.packs.store(0, Ordering::Relaxed);
        self.commits.store(0, Ordering::Relaxed);
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if !self.retired.load(Ordering::Acquire) {
            return;
        }
        self.idle.get_mut().repositories.clear();
        let path = std::mem::take(&mut self.path);
        // It may be large, and whoever let go of it last has other things to do. If it stays, the next start deletes it.
        let _ = thread::Builder::new().spawn(move || fs::remove_dir_all(path));
    }
}

impl Handle {
    /// Which copy it belongs to.
    pub(super) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Keeps it for the next piece of work. One that met an error or a panic is closed instead.
    pub(super) fn done(self) {
        let mut idle = self.generation.idle.lock();
        if idle.repositories.len() < MOST_IDLE && idle.distrusted == self.distrusted {
            idle.repositories.push(self.repository);
        }
    }
}

impl Deref for Handle {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        &self.repository
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} idle", self.repositories.len())
    }
}

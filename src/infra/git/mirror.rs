//! The local copy of one branch: a bare repository that can be thrown away at any time and is made anew from the server.
//!
//! Nothing in it is needed: what was acknowledged is on the server. A process that is killed leaves a usable copy,
//! because Git writes objects under a temporary name first, or one that is noticed and made anew.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use git2::{Oid, Repository, RepositoryInitOptions};
use parking_lot::Mutex;
use tracing::warn;
use uuid::Uuid;

use super::{error::GitError, files, remote::BranchName, transport::has, trouble};

/// Packs after which the copy is made anew: each fetch adds one and every look-up goes through all.
const MOST_PACKS: usize = 200;

/// Files in one of the 256 folders of loose objects after which the copy is made anew: about 65,000 objects.
const MOST_LOOSE: usize = 256;

/// The folder that stands for all 256, as Git's own `gc.auto` estimates.
const SAMPLE: &str = "17";

/// How long to wait for another process to let go of the copy.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Between two attempts at that.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Differs after each start of the machine (Linux).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

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
    known: Mutex<Option<Known>>,
    /// Readers and the writer may be first at the same time.
    making: Mutex<()>,
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
        let mirror = Self {
            folder,
            branch,
            known: Mutex::default(),
            making: Mutex::default(),
            _lock: lock,
        };
        mirror.sweep();
        mirror.distrust_after_restart_of_the_machine();
        Ok(mirror)
    }

    /// The repository, made anew if it is not there or cannot be opened. Cheap: to be called for each piece of work.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn repository(&self) -> Result<Repository, GitError> {
        let _making = self.making.lock();
        let path = self.repository_path();
        if path.exists() {
            match Repository::open_bare(&path) {
                Ok(repository) if !self.is_overgrown() => return Ok(repository),
                Ok(_) => self.discard("it has grown too large"),
                Err(error) => self.discard(error.message()),
            }
        }
        self.make()
    }

    /// Puts the copy aside and deletes it; the next piece of work makes it anew. Readers that hold it open finish.
    pub(super) fn discard(&self, reason: &str) {
        warn!(folder = %self.folder.display(), "The local copy of a repository is made anew: {reason}");
        let mut known = self.known.lock();
        let aside = self.folder.join(format!("old-{}", Uuid::new_v4()));
        let _ = fs::rename(self.repository_path(), &aside);
        let _ = fs::remove_dir_all(&aside);
        *known = None;
    }

    /// What the server was last seen to have, if it was asked since the copy was made.
    pub(super) fn known(&self) -> Option<Known> {
        *self.known.lock()
    }

    /// Remembers what the server has. Something older than what is known is passed over.
    ///
    /// # Errors
    /// The reference cannot be written.
    pub(super) fn note(&self, repository: &Repository, seen: Known) -> Result<(), GitError> {
        let mut known = self.known.lock();
        if known.is_some_and(|known| known.as_of > seen.as_of) {
            return Ok(());
        }
        self.move_reference(repository, seen.tip)?;
        *known = Some(seen);
        Ok(())
    }

    /// Remembers that the server took the commit, so that a fetch begun before cannot hide it. A fetch that has
    /// already seen more is kept.
    ///
    /// # Errors
    /// The reference cannot be written.
    pub(super) fn note_landed(&self, repository: &Repository, commit: Oid) -> Result<(), GitError> {
        let mut known = self.known.lock();
        let beyond = known.and_then(|known| known.tip).is_some_and(|tip| {
            has(repository, tip) && repository.graph_descendant_of(tip, commit).unwrap_or(false)
        });
        if beyond {
            return Ok(());
        }
        *known = Some(Known {
            tip: Some(commit),
            as_of: Instant::now(),
        });
        self.move_reference(repository, Some(commit))
    }

    /// The next fetch begins from the reference, and a branch once seen is missed when it is gone.
    fn move_reference(&self, repository: &Repository, tip: Option<Oid>) -> Result<(), GitError> {
        let reference = self.branch.reference();
        match tip {
            Some(tip) if repository.refname_to_id(&reference).ok() != Some(tip) => {
                let written = repository.reference(&reference, tip, true, "seen on the server");
                written
                    .map(|_| ())
                    .map_err(|error| trouble::local(&error, &self.folder))
            }
            _ => Ok(()),
        }
    }

    /// Whether the branch was there at an earlier time.
    pub(super) fn remembers_branch(&self, repository: &Repository) -> bool {
        repository.refname_to_id(&self.branch.reference()).is_ok()
    }

    fn repository_path(&self) -> PathBuf {
        self.folder.join("mirror.git")
    }

    /// Makes an empty repository under another name first, so that one with the right name is whole.
    fn make(&self) -> Result<Repository, GitError> {
        let new = self.folder.join(format!("new-{}", Uuid::new_v4()));
        let failed = |error: git2::Error| trouble::local(&error, &self.folder);
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        let repository = Repository::init_opts(&new, &options).map_err(failed)?;
        let mut config = repository.config().map_err(failed)?;
        // The credential must not follow a redirect.
        config.set_str("http.followRedirects", "false").map_err(failed)?;
        config.set_bool("core.logAllRefUpdates", false).map_err(failed)?;
        drop((config, repository));
        fs::rename(&new, self.repository_path()).map_err(|error| io_error(&self.folder, &error))?;
        Repository::open_bare(self.repository_path()).map_err(failed)
    }

    fn is_overgrown(&self) -> bool {
        let objects = self.repository_path().join("objects");
        let (mut packs, mut loose) = (0, 0);
        files::each_entry(&objects.join("pack"), |_, name| {
            packs += usize::from(name.ends_with(".pack"))
        });
        files::each_entry(&objects.join(SAMPLE), |_, _| loose += 1);
        packs > MOST_PACKS || loose > MOST_LOOSE
    }

    /// Removes what only a killed process leaves: locks nobody holds, temporary files, copies put aside.
    fn sweep(&self) {
        files::each_entry(&self.folder, |path, name| {
            if name.starts_with("old-") || name.starts_with("new-") || name.starts_with("authorities-") {
                let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
            }
        });
        let repository = self.repository_path();
        remove_files(&repository, |name| name.ends_with(".lock"));
        remove_locks(&repository.join("refs"));
        remove_files(&repository.join("objects"), |name| name.starts_with("tmp_"));
        let finished = [".pack", ".idx", ".keep", ".rev", ".mtimes"];
        remove_files(&repository.join("objects/pack"), |name| {
            !finished.iter().any(|ending| name.ends_with(ending))
        });
    }

    /// Nothing is synced to disk, so a machine that lost power may have cut files short, and libgit2 1.9 never
    /// returns from a loose object that ends early. A process that is killed loses nothing.
    fn distrust_after_restart_of_the_machine(&self) {
        let (file, boot) = (self.folder.join("boot"), fs::read(BOOT_ID).unwrap_or_default());
        let same = fs::read(&file).is_ok_and(|written| written == boot);
        if self.repository_path().exists() && !same {
            self.discard("the machine was restarted since");
        } else if !self.is_sound() {
            self.discard("it is damaged");
        }
        // If it cannot be written, the next process makes the copy anew.
        let _ = fs::write(file, boot);
    }

    /// Whether the branch, if it is there, leads to files.
    fn is_sound(&self) -> bool {
        if !self.repository_path().exists() {
            return true;
        }
        let Ok(repository) = Repository::open_bare(self.repository_path()) else {
            return false;
        };
        match repository.find_reference(&self.branch.reference()) {
            Ok(reference) => reference
                .target()
                .is_some_and(|tip| leads_to_files(&repository, tip)),
            Err(error) => error.code() == git2::ErrorCode::NotFound,
        }
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

fn leads_to_files(repository: &Repository, tip: Oid) -> bool {
    has(repository, tip)
        && repository
            .find_commit(tip)
            .and_then(|commit| commit.tree())
            .is_ok()
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

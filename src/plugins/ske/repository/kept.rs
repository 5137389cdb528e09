//! The index of the repository, kept at the state of the branch at the cost of what changed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tracing::{debug, info, warn};

use crate::{
    infra::git::{BlobId, ChangedFile, CommitId, FolderPath, GitError, Tip},
    plugins::ske::gitops::{Change, Index, MAX_FILE, Scanned, Selection, scan, too_large},
};

/// The index, and which state of the branch it describes.
pub(super) struct Kept {
    pub(super) commit: Option<CommitId>,
    pub(super) selection: Selection,
    pub(super) index: Index<BlobId>,
}

/// Keeps the index of the files below one folder.
pub(super) struct Keeper {
    pub(super) folder: FolderPath,
    kept: RwLock<Option<Kept>>,
    /// Told without the lock, which somebody may hold for a while.
    is_known: AtomicBool,
    /// One at a time brings the index forward; readers of the state before are not held up meanwhile.
    moving: Mutex<()>,
    /// What is said once if the first reading shows that no Promise offers anything.
    unoffered: Mutex<Option<&'static str>>,
}

impl Keeper {
    /// Begins with nothing known.
    pub(super) fn new(folder: FolderPath) -> Self {
        Self {
            folder,
            kept: RwLock::default(),
            is_known: AtomicBool::new(false),
            moving: Mutex::default(),
            unoffered: Mutex::default(),
        }
    }

    /// Says this if the first reading shows that no Promise offers anything.
    pub(super) fn say_when_nothing_is_offered(&self, notice: &'static str) {
        *self.unoffered.lock() = Some(notice);
    }

    /// Whether anything was read yet.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Acquire)
    }

    /// The index as it is, of whatever state; none before the first reading.
    pub(super) fn now(&self) -> RwLockReadGuard<'_, Option<Kept>> {
        self.kept.read()
    }

    /// Looks something up in the index as of the tip, which is brought there first. Blocks.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub(super) fn at<T>(&self, tip: &Tip<'_>, look: impl Fn(&Kept) -> T) -> Result<T, GitError> {
        let found = |kept: &Option<Kept>| {
            let kept = kept.as_ref().filter(|kept| kept.commit == tip.commit());
            kept.map(&look)
        };
        if let Some(answer) = found(&self.kept.read()) {
            return Ok(answer);
        }
        let _one_at_a_time = self.moving.lock();
        if let Some(answer) = found(&self.kept.read()) {
            return Ok(answer);
        }
        self.bring_to(tip)?;
        // Nobody else moves it, so it is there.
        found(&self.kept.read()).ok_or(GitError::Internal)
    }

    fn bring_to(&self, tip: &Tip<'_>) -> Result<(), GitError> {
        let began = Instant::now();
        match self.changes_to(tip)? {
            Some(changes) => {
                let files = changes.len();
                self.take_in(tip, changes);
                debug!(
                    "Took in {files} changed files of the repository in {:.2} ms",
                    milliseconds(began)
                );
            }
            None => {
                let read = read_all(tip, &self.folder)?;
                let objects = read.index.objects();
                let notice = self.unoffered.lock().take();
                if let Some(notice) = notice.filter(|_| read.index.offered().next().is_none()) {
                    warn!("{notice}");
                }
                *self.kept.write() = Some(read);
                self.is_known.store(true, Ordering::Release);
                info!(
                    "Read {objects} objects of the repository in {:.2} ms",
                    milliseconds(began)
                );
            }
        }
        Ok(())
    }

    fn take_in(&self, tip: &Tip<'_>, changes: Vec<Change<BlobId>>) {
        changes.iter().for_each(report);
        if let Some(kept) = self.kept.write().as_mut() {
            kept.index.apply(changes);
            kept.commit = tip.commit();
        }
    }

    /// What has to change for the tip; none when everything has to be read.
    fn changes_to(&self, tip: &Tip<'_>) -> Result<Option<Vec<Change<BlobId>>>, GitError> {
        let kept = self.kept.read();
        let Some(kept) = kept.as_ref() else {
            return Ok(None);
        };
        let Some(changed) = tip.changes_since(kept.commit, &self.folder)? else {
            return Ok(None);
        };
        if turns(&kept.selection, &changed) {
            return Ok(None);
        }
        changes(tip, &kept.selection, changed).map(Some)
    }
}

/// Whether the changes let other files count than before.
pub(super) fn turns(selection: &Selection, changed: &[ChangedFile]) -> bool {
    changed.iter().any(|file| selection.turns_on(&file.path))
}

/// Reads what the changed files hold now.
pub(super) fn changes(
    tip: &Tip<'_>,
    selection: &Selection,
    changed: Vec<ChangedFile>,
) -> Result<Vec<Change<BlobId>>, GitError> {
    let counted = changed.into_iter().filter(|file| selection.takes(&file.path));
    let change = |file: ChangedFile| {
        let now = file.now.map(|blob| read_one(tip, blob)).transpose()?;
        Ok(Change { path: file.path, now })
    };
    counted.map(change).collect()
}

fn read_all(tip: &Tip<'_>, folder: &FolderPath) -> Result<Kept, GitError> {
    let files = tip.files(folder)?;
    let selection = Selection::new(folder.as_str(), files.iter().map(|file| file.path.as_str()));
    for chart in selection.charts() {
        warn!("The folder {chart} is a Helm chart, whose files are not read");
    }
    let mut index = Index::default();
    for file in files.into_iter().filter(|file| selection.takes(&file.path)) {
        let now = Some(read_one(tip, file.blob)?);
        let path = file.path;
        let change = Change { path, now };
        report(&change);
        index.apply([change]);
    }
    Ok(Kept {
        commit: tip.commit(),
        selection,
        index,
    })
}

fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}

/// Says what of a file cannot be read; once, since it is not read again before it changes.
fn report(change: &Change<BlobId>) {
    let path = &change.path;
    for trouble in change.now.iter().flat_map(|(_, scanned)| scanned.troubles()) {
        warn!("{path:?} in the repository, {trouble}");
    }
}

fn read_one(tip: &Tip<'_>, blob: BlobId) -> Result<(BlobId, Scanned), GitError> {
    let scanned = if tip.blob_size(blob)? > MAX_FILE {
        too_large()
    } else {
        scan(&tip.blob(blob)?)
    };
    Ok((blob, scanned))
}

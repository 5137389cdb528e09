//! What the writer sees: commits that are not on the server yet, on top of the index that readers share.
//!
//! Changes that share a push stand upon each other. If the index followed each of them, readers and the writer would
//! move it to and fro; so the writer keeps what differs beside it.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

use super::kept::{Keeper, Kept, changes, turns};
use crate::{
    infra::git::{BlobId, CommitId, GitError, Tip},
    plugins::ske::gitops::{Found, Identity, Index, Place},
};

/// Files that may differ before the index itself is brought forward.
const MOST_DIFFERENCES: usize = 256;

/// Where an object was seen.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    /// Each document that is it, and the content of its file.
    pub(super) places: Vec<(Place, BlobId)>,
    /// Path and line of what cannot be read and may be it.
    pub(super) hiding: Vec<(String, usize)>,
}

/// The index and what differs from it.
pub(super) struct Views {
    keeper: Arc<Keeper>,
    ahead: Mutex<Ahead>,
}

/// What differs between the index's state and another one.
#[derive(Default)]
struct Ahead {
    base: Option<CommitId>,
    at: Option<CommitId>,
    /// Every file that differs, gone ones too.
    changed: HashSet<String>,
    index: Index<BlobId>,
}

impl Views {
    /// Looks from the index of readers.
    pub(super) fn new(keeper: Arc<Keeper>) -> Self {
        Self {
            keeper,
            ahead: Mutex::default(),
        }
    }

    /// Where the object stands as of the tip. Blocks.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub(super) fn find(&self, tip: &Tip<'_>, identity: &Identity) -> Result<Sighting, GitError> {
        if let Some(kept) = self.keeper.now().as_ref() {
            if kept.commit == tip.commit() {
                return Ok(Sighting::of(&kept.index, identity));
            }
            let mut ahead = self.ahead.lock();
            if ahead.bring_to(tip, kept, &self.keeper)? {
                return Ok(ahead.find(kept, identity));
            }
        }
        self.keeper.at(tip, |kept| Sighting::of(&kept.index, identity))
    }
}

impl Sighting {
    /// What the index knows of the object.
    pub(super) fn of(index: &Index<BlobId>, identity: &Identity) -> Self {
        let places = match index.find(identity) {
            Found::Nothing => &[],
            Found::One(place) => std::slice::from_ref(place),
            Found::Several(places) => places,
        };
        let with_content = |place: &Place| Some((place.clone(), index.blob(&place.path)?));
        let hiding = index.hiding_places(identity);
        Self {
            places: places.iter().filter_map(with_content).collect(),
            hiding: hiding.map(|(path, line)| (path.to_owned(), line)).collect(),
        }
    }
}

impl Ahead {
    /// Notes what differs at the tip; false when that is too much.
    fn bring_to(&mut self, tip: &Tip<'_>, kept: &Kept, keeper: &Keeper) -> Result<bool, GitError> {
        if self.base != kept.commit {
            *self = Self {
                base: kept.commit,
                at: kept.commit,
                ..Self::default()
            };
        }
        let Some(changed) = tip.changes_since(self.at, &keeper.folder)? else {
            return Ok(false);
        };
        let too_many = self.changed.len() + changed.len() > MOST_DIFFERENCES;
        if too_many || turns(&kept.selection, &changed) {
            return Ok(false);
        }
        let paths: Vec<_> = changed.iter().map(|file| file.path.clone()).collect();
        self.index.apply(changes(tip, &kept.selection, changed)?);
        self.changed.extend(paths);
        self.at = tip.commit();
        Ok(true)
    }

    fn find(&self, kept: &Kept, identity: &Identity) -> Sighting {
        let mut seen = Sighting::of(&kept.index, identity);
        seen.places
            .retain(|(place, _)| !self.changed.contains(&*place.path));
        seen.hiding.retain(|(path, _)| !self.changed.contains(path));
        let here = Sighting::of(&self.index, identity);
        seen.places.extend(here.places);
        seen.hiding.extend(here.hiding);
        seen
    }
}

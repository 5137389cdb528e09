//! What `check` says of the repository.

use std::collections::HashSet;

use super::{Repository, edit::told, kept::Kept};
use crate::infra::git::{CommitId, GitError};

/// What stands in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Survey {
    /// Objects, those in conflict each time.
    pub(in crate::plugins::ske) objects: usize,
    /// Kinds that Promises in the repository offer.
    pub(in crate::plugins::ske) offered: usize,
    /// Each file of which something cannot be read, with line and reason.
    pub(in crate::plugins::ske) broken: Vec<String>,
    /// Each object that is there more than once, with its places.
    pub(in crate::plugins::ske) conflicts: Vec<String>,
}

impl Repository {
    /// Asks whether the credential may push, and where the branch is; pushes nothing.
    ///
    /// # Errors
    /// What would keep it from writing.
    pub(in crate::plugins::ske) async fn check(&self) -> Result<Option<CommitId>, GitError> {
        self.git.check().await
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(in crate::plugins::ske) async fn survey(&self) -> Result<Survey, GitError> {
        self.read_index(survey).await
    }
}

fn survey(kept: &Kept) -> Survey {
    let broken = kept.index.troubles();
    let broken = broken.filter_map(|(path, troubles)| Some(format!("{path:?}, {}", troubles.first()?)));
    let conflicts = kept.index.conflicts();
    let mut conflicts: Vec<_> = conflicts
        .map(|(identity, places)| {
            let places: Vec<_> = places.iter().map(told).collect();
            format!("{identity}: {}", places.join(" and "))
        })
        .collect();
    conflicts.sort();
    Survey {
        objects: kept.index.objects(),
        offered: kept.index.offered().collect::<HashSet<_>>().len(),
        broken: broken.collect(),
        conflicts,
    }
}

//! The Git repository as the record of objects: read and written by identity.

mod credentials;
mod edit;
mod error;
mod kept;
mod survey;
mod view;

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use self::{
    edit::{Edit, broken, only},
    kept::Keeper,
    view::{Sighting, Views},
};
use super::{
    config::Scm,
    domain::{Manifest, ObjectRef},
    gitops::{Identity, Layout, object_at},
};
use crate::infra::{
    git::{
        Change, ChangeFn, CommitId, GitError, GitLibrary, GitRepository, Identity as Person, Limits,
        RepositorySettings, SharedCredentials, Tip, Written,
    },
    tasks::Tasks,
};

pub(super) use self::{credentials::LiveCredentials, error::RepositoryError, survey::Survey};

/// A write may wait for others and start anew, so it may take so many times as long as a call to a cluster.
const WRITE_PATIENCE: u32 = 4;

/// Readers at work at the same time.
const MOST_READERS: usize = 16;

/// The repository, shared by all who read and write it.
pub(super) struct Repository {
    git: GitRepository,
    keeper: Arc<Keeper>,
    views: Arc<Views>,
    author: Person,
    layout: Layout,
    readers: Arc<Semaphore>,
}

/// Whether an object was in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was.
    Present,
    /// It was not.
    Absent,
}

/// One write, besides the object itself.
#[derive(Debug, Clone)]
pub(super) struct Order<'a> {
    /// Which object.
    pub(super) identity: &'a Identity,
    /// The same, as the commit names it.
    pub(super) object: &'a ObjectRef,
    /// Who wants it, fit for a commit's trailer.
    pub(super) requested_by: String,
    /// Refuse when this is not so any more; not asked when none.
    pub(super) expected: Option<Seen>,
    /// How long one call may take.
    pub(super) timeout: Duration,
}

/// How an object is to be written.
pub(super) struct Wanted {
    /// What the caller gave.
    pub(super) manifest: Manifest,
    /// Whether a new one says its namespace.
    pub(super) namespaced: bool,
}

impl Repository {
    /// Prepares the repository; asks nobody.
    pub(super) fn new(
        library: GitLibrary,
        scm: &Scm,
        (data_folder, credentials): (&Path, SharedCredentials),
        tasks: Tasks,
    ) -> Self {
        let settings = RepositorySettings {
            remote: scm.remote.clone(),
            branch: scm.branch.clone(),
            data_folder: data_folder.to_owned(),
            credentials,
            limits: Limits::default(),
        };
        let keeper = Arc::new(Keeper::new(scm.path.clone()));
        Self {
            git: GitRepository::new(library, settings, tasks),
            views: Arc::new(Views::new(Arc::clone(&keeper))),
            keeper,
            author: scm.author.clone(),
            layout: scm.layout,
            readers: Arc::new(Semaphore::new(MOST_READERS)),
        }
    }

    /// Says this when the first reading shows that no Promise offers anything.
    pub(super) fn saying_when_nothing_is_offered(self, notice: &'static str) -> Self {
        self.keeper.say_when_nothing_is_offered(notice);
        self
    }

    /// Reads one object as it was last committed.
    ///
    /// # Errors
    /// `Absent` only when no document has the identity.
    pub(super) async fn find(&self, identity: &Identity, limit: Duration) -> Result<Value, RepositoryError> {
        let (keeper, wanted) = (Arc::clone(&self.keeper), identity.clone());
        let read = self.read(move |tip| Ok(read_object(&keeper, tip, &wanted)));
        in_time(limit, read).await?
    }

    /// Whether the object is there.
    ///
    /// # Errors
    /// It is there more than once, or the repository cannot be read.
    pub(super) async fn seen(&self, identity: &Identity, limit: Duration) -> Result<Seen, RepositoryError> {
        let wanted = identity.clone();
        let look = self.read_index(move |kept| Sighting::of(&kept.index, &wanted).places);
        let place = only(in_time(limit, look).await?, identity)?;
        Ok(place.map_or(Seen::Absent, |_| Seen::Present))
    }

    /// Whether a Promise in the repository offers the kind.
    ///
    /// # Errors
    /// The repository cannot be read: what is not known is not open.
    pub(super) async fn offers(
        &self,
        (group, kind): (&str, &str),
        limit: Duration,
    ) -> Result<bool, RepositoryError> {
        let wanted = (group.to_owned(), kind.to_owned());
        let look = self.read_index(move |kept| {
            kept.index
                .offered()
                .any(|(group, kind)| group == wanted.0 && kind == wanted.1)
        });
        in_time(limit, look).await
    }

    /// Writes the object and returns the commit that holds it, which is the branch's own when nothing had to change.
    ///
    /// # Errors
    /// What keeps the object or its commit from the branch.
    pub(super) async fn configure(
        &self,
        order: Order<'_>,
        wanted: Wanted,
    ) -> Result<Option<CommitId>, RepositoryError> {
        let edit = self.edit(&order, "configure");
        let make: ChangeFn = Box::new(move |tip| {
            let draft = edit.write(tip, &wanted.manifest, wanted.namespaced);
            draft.map_err(RepositoryError::into_change_error)
        });
        Ok(self.write(make, order.timeout).await?.commit())
    }

    /// Removes the object and returns the commit that did it.
    ///
    /// # Errors
    /// As for `configure`, and `Absent`.
    pub(super) async fn delete(&self, order: Order<'_>) -> Result<Option<CommitId>, RepositoryError> {
        let edit = self.edit(&order, "delete");
        let make: ChangeFn =
            Box::new(move |tip| edit.remove(tip).map_err(RepositoryError::into_change_error));
        Ok(self.write(make, order.timeout).await?.commit())
    }

    /// Fetches and reads the repository, so that the first request need not.
    pub(super) async fn warm_up(&self) -> Result<(), GitError> {
        self.read_index(|_| ()).await
    }

    /// Looks something up in the index as of the branch's tip.
    async fn read_index<T: Send + 'static>(
        &self,
        look: impl Fn(&kept::Kept) -> T + Send + Clone + 'static,
    ) -> Result<T, GitError> {
        let keeper = Arc::clone(&self.keeper);
        self.read(move |tip| keeper.at(tip, look.clone())).await
    }

    /// Who waits for the index occupies a thread, also when nobody waits for him any more; so only some may.
    async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Tip<'_>) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let place = Arc::clone(&self.readers).acquire_owned().await;
        let place = place.map_err(|_| GitError::Internal)?;
        self.git
            .read(move |tip| {
                let _until_done = &place;
                work(tip)
            })
            .await
    }

    async fn write(&self, make: ChangeFn, limit: Duration) -> Result<Written, RepositoryError> {
        // Others that wait for the same push would wait for the first reading too.
        if !self.keeper.is_known() {
            in_time(limit, self.warm_up()).await?;
        }
        let change = Change {
            author: self.author.clone(),
            committer: self.author.clone(),
            make,
        };
        let deadline = Instant::now() + limit * WRITE_PATIENCE;
        Ok(self.git.write(change, deadline).await?)
    }

    fn edit(&self, order: &Order<'_>, verb: &str) -> Edit {
        let identity = order.identity;
        Edit {
            views: Arc::clone(&self.views),
            folder: self.keeper.folder.clone(),
            layout: self.layout,
            identity: identity.clone(),
            expected: order.expected,
            message: format!(
                "chore: {verb} {}\n\nRequested-by: {}\n",
                order.object, order.requested_by
            ),
        }
    }
}

fn read_object(keeper: &Keeper, tip: &Tip<'_>, identity: &Identity) -> Result<Value, RepositoryError> {
    let seen = keeper.at(tip, |kept| Sighting::of(&kept.index, identity))?;
    let absent = || RepositoryError::Absent(identity.clone());
    let (place, blob) = only(seen.places, identity)?.ok_or_else(absent)?;
    let object = object_at(&tip.blob(blob)?, place.spot);
    object
        .map_err(|trouble| broken(&place, trouble))?
        .ok_or_else(absent)
}

async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, GitError>>,
) -> Result<T, RepositoryError> {
    match timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(RepositoryError::Slow(limit.as_secs_f32())),
    }
}

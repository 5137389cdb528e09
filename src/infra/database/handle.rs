//! The handle every plugin has: opens on first use, once for all who wait, and again on the next use after a failure.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{sync::Mutex, time::timeout};

use super::{
    Pool,
    error::DatabaseError,
    lock::Lock,
    on_pool, postgres,
    settings::{Client, DatabaseSettings},
    sqlite,
};
use crate::infra::{
    data_folder::DataFolder, http_client::Authorities, single_flight::SingleFlight, tasks::Tasks,
};

/// Connecting and bringing the tables up to date; who waits for it has a limit of his own beside this.
const OPENING: Duration = Duration::from_secs(15);

/// The service's database. Cheap to clone; all clones share it.
#[derive(Debug, Clone)]
pub struct Database(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: DatabaseSettings,
    folder: DataFolder,
    authorities: Arc<Authorities>,
    opening: SingleFlight<Result<Option<Pool>, DatabaseError>>,
    one_at_a_time: Mutex<()>,
    opened: OnceLock<Pool>,
}

/// What to do when there is no database yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMissing {
    Make,
    Leave,
}

impl Database {
    /// Opens nothing yet.
    pub fn new(
        settings: DatabaseSettings,
        folder: DataFolder,
        authorities: Arc<Authorities>,
        tasks: Tasks,
    ) -> Self {
        Self(Arc::new(Inner {
            settings,
            folder,
            authorities,
            opening: SingleFlight::new(tasks),
            one_at_a_time: Mutex::default(),
            opened: OnceLock::new(),
        }))
    }

    /// The open database, made and brought up to date by the first who asks.
    ///
    /// # Errors
    /// It cannot be opened; the next call tries again.
    pub async fn pool(&self) -> Result<Pool, DatabaseError> {
        self.open(IfMissing::Make).await?.ok_or(DatabaseError::Ending)
    }

    /// The open database if there is one, so that a look makes none: nothing was ever kept in one that is missing.
    ///
    /// # Errors
    /// As for `pool`.
    pub async fn existing(&self) -> Result<Option<Pool>, DatabaseError> {
        self.open(IfMissing::Leave).await
    }

    /// Whether it is a server, which can be away.
    pub fn is_server(&self) -> bool {
        self.0.settings.is_server()
    }

    /// What is said when it did not answer within the limit.
    pub fn too_slow(&self, limit: Duration) -> DatabaseError {
        self.0.too_slow(limit)
    }

    /// Looks whether it answers, for `stagedoor check`; makes nothing. False when there is none yet.
    ///
    /// # Errors
    /// It cannot be opened, or does not answer.
    pub async fn answers(&self) -> Result<bool, DatabaseError> {
        let Some(pool) = self.existing().await? else {
            return Ok(false);
        };
        on_pool!(&pool, |pool| sqlx::query("select 1")
            .execute(pool)
            .await
            .map(drop))?;
        Ok(true)
    }

    /// Does the work unless another replica is doing work of that name; `None` then, and when there is no database.
    ///
    /// # Errors
    /// The database cannot be opened or asked.
    pub async fn alone<T>(
        &self,
        name: &str,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, DatabaseError> {
        let Some(pool) = self.existing().await? else {
            return Ok(None);
        };
        let lock = match &pool {
            Pool::Sqlite(_) => Lock::beside(self.0.folder.path().map_err(DatabaseError::Folder)?, name)?,
            Pool::Postgres(pool) => {
                let place = self.0.settings.schema().unwrap_or_default();
                Lock::session(pool, &format!("{place} {name}")).await?
            }
        };
        let Some(lock) = lock else {
            return Ok(None);
        };
        let done = work.await;
        lock.release().await;
        Ok(Some(done))
    }

    async fn open(&self, missing: IfMissing) -> Result<Option<Pool>, DatabaseError> {
        if let Some(pool) = self.0.opened.get() {
            return Ok(Some(pool.clone()));
        }
        let inner = Arc::clone(&self.0);
        let opened = self.0.opening.run(missing as u64, || inner.open(missing)).await;
        opened.unwrap_or(Err(DatabaseError::Ending))
    }
}

impl Inner {
    async fn open(self: Arc<Self>, missing: IfMissing) -> Result<Option<Pool>, DatabaseError> {
        let _alone = self.one_at_a_time.lock().await;
        if let Some(pool) = self.opened.get() {
            return Ok(Some(pool.clone()));
        }
        let opened = timeout(OPENING, self.connect(missing)).await;
        let Some(pool) = opened.map_err(|_| self.too_slow(OPENING))?? else {
            return Ok(None);
        };
        Ok(Some(self.opened.get_or_init(|| pool).clone()))
    }

    fn too_slow(&self, limit: Duration) -> DatabaseError {
        let look_at = match self.settings.is_server() {
            true => "backend.database.connection",
            false => "the disk of the folder in stagedoor.dataDir",
        };
        DatabaseError::Slow(limit.as_secs(), look_at)
    }

    async fn connect(&self, missing: IfMissing) -> Result<Option<Pool>, DatabaseError> {
        match &self.settings.client {
            Client::Sqlite if missing == IfMissing::Leave && !self.folder.holds(sqlite::FILE) => Ok(None),
            Client::Sqlite => {
                let folder = self.folder.path().map_err(DatabaseError::Folder)?;
                Ok(Some(Pool::Sqlite(sqlite::open(folder).await?)))
            }
            Client::Postgres(settings) => {
                let pool = postgres::open(settings, &self.authorities, missing).await?;
                Ok(pool.map(Pool::Postgres))
            }
            Client::Unsupported(why) => Err(DatabaseError::Unsupported(why.clone())),
        }
    }
}

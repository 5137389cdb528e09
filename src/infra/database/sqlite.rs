//! The file in the data folder.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{error::DatabaseError, migrations};

/// The file.
pub(super) const FILE: &str = "stagedoor.sqlite";

/// Only the owner may read it: manifests are in it.
const PRIVATE: u32 = 0o600;

/// Readers beside each other; there is one writer at a time in any case.
const MOST_CONNECTIONS: u32 = 4;

/// How long a writer waits for another; each writes one statement at a time.
const PATIENCE: Duration = Duration::from_secs(5);

/// An idle connection holds a thread and its cache.
const IDLE: Duration = Duration::from_secs(60);

/// Opens the file, making it first if it is not there, and brings its tables up to date.
pub(super) async fn open(folder: &Path) -> Result<SqlitePool, DatabaseError> {
    let path = folder.join(FILE);
    make(&path).map_err(|error| {
        DatabaseError::Folder(format!(
            "{} cannot be written ({}); name another folder in stagedoor.dataDir",
            path.display(),
            error.kind()
        ))
    })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log a crash of the machine can take the last writes, never the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(PATIENCE)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE)
        .connect_with(options)
        .await
        .map_err(DatabaseError::of_file)?;
    let migrated = migrations::sqlite().run(&pool).await;
    migrated.map_err(DatabaseError::of_migrated_file)?;
    Ok(pool)
}

/// SQLite gives the files beside it the rights of this one.
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(PRIVATE).open(path)?;
    Ok(())
}

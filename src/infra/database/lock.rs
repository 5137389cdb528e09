//! Work that one replica does at a time.

use std::{fs::File, path::Path};

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::error::DatabaseError;

/// Held while the work is done. When the work is dropped, or this process ends, it is free again.
#[derive(Debug)]
pub(super) enum Lock {
    /// Beside the SQLite file: whoever else has that file is on the same machine.
    File(File),
    /// A connection of its own, since the lock lives as long as its session does.
    Session(PgConnection, i64),
}

impl Lock {
    /// Takes the lock of that name beside the file of a folder; `None` when another process has it.
    pub(super) fn beside(folder: &Path, name: &str) -> Result<Option<Self>, DatabaseError> {
        let path = folder.join(format!("stagedoor.{name}.lock"));
        let cannot = |problem: &dyn std::fmt::Display| {
            let path = path.display();
            DatabaseError::Folder(format!(
                "{path} cannot be locked ({problem}); check stagedoor.dataDir"
            ))
        };
        let file = File::create(&path).map_err(|error| cannot(&error.kind()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self::File(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(cannot(&error.kind())),
        }
    }

    /// Takes an advisory lock; `None` when another replica has it.
    pub(super) async fn session(pool: &PgPool, name: &str) -> Result<Option<Self>, DatabaseError> {
        let (mut connection, number) = (pool.acquire().await?.detach(), number(name));
        let taken = sqlx::query_scalar::<_, bool>("select pg_try_advisory_lock($1)")
            .bind(number)
            .fetch_one(&mut connection)
            .await?;
        if taken {
            return Ok(Some(Self::Session(connection, number)));
        }
        let _ = connection.close().await;
        Ok(None)
    }

    /// Sets it free before it returns. Dropped it would be free when the server notices, or when the last process that
    /// was being started meanwhile has let go of its copy of the file.
    pub(super) async fn release(self) {
        // What is broken has set it free already.
        match self {
            Self::File(file) => drop(file.unlock()),
            Self::Session(mut connection, number) => {
                let unlock = sqlx::query("select pg_advisory_unlock($1)").bind(number);
                let _ = unlock.execute(&mut connection).await;
                let _ = connection.close().await;
            }
        }
    }
}

/// Locks of PostgreSQL are numbers, and shared by all who use the same database.
fn number(name: &str) -> i64 {
    let hash = Sha256::digest(format!("stagedoor {name}"));
    i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

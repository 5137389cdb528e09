//! The one database: SQLite in the data folder, or PostgreSQL from `backend.database`. Nothing is opened, made or
//! connected to before something needs it.
//!
//! One enum over two pools, because both drivers read the same SQL (`$1`, `on conflict`) and keep their own types;
//! `sqlx::Any` would take away both for one name less. `on_pool!` writes a query once for both.

mod error;
mod handle;
#[cfg(test)]
mod live_tests;
mod lock;
mod migrations;
mod postgres;
mod postgres_settings;
mod postgres_url;
mod settings;
#[cfg(test)]
mod settings_tests;
mod sqlite;
#[cfg(test)]
pub(crate) mod testing;

use sqlx::{PgPool, SqlitePool};

pub use self::{error::DatabaseError, handle::Database, settings::DatabaseSettings};

/// An open database, migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Pool {
    /// The file in the data folder.
    Sqlite(SqlitePool),
    /// PostgreSQL.
    Postgres(PgPool),
}

/// Writes a query once for both kinds of pool: `on_pool!(&pool, |pool| sqlx::query(SQL).execute(pool).await)`. A failure
/// is told in the words of its kind.
macro_rules! on_pool {
    ($pool:expr, |$each:ident| $work:expr) => {
        match $pool {
            $crate::infra::database::Pool::Sqlite($each) => {
                $work.map_err($crate::infra::database::DatabaseError::of_file)
            }
            $crate::infra::database::Pool::Postgres($each) => {
                $work.map_err($crate::infra::database::DatabaseError::from)
            }
        }
    };
}

pub(crate) use on_pool;

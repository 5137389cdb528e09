//! The tables, step by step; the SQL is in `schema/migrations` and part of the binary.
//!
//! A step only ever adds, so that during an update the older replicas go on beside the newer ones.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// A step: its number, its name, its SQL.
type Step = (i64, &'static str, &'static str);

/// Finds a file of both folders at build time.
macro_rules! steps {
    ($folder:literal) => {
        &[
            (
                1,
                "signing_keys",
                include_str!(concat!(
                    "../../../schema/migrations/",
                    $folder,
                    "/0001_signing_keys.sql"
                )),
            ),
            (
                2,
                "pending_requests",
                include_str!(concat!(
                    "../../../schema/migrations/",
                    $folder,
                    "/0002_pending_requests.sql"
                )),
            ),
            (
                3,
                "pending_requests_stamp",
                include_str!(concat!(
                    "../../../schema/migrations/",
                    $folder,
                    "/0003_pending_requests_stamp.sql"
                )),
            ),
            (
                4,
                "seen_pull_requests",
                include_str!(concat!(
                    "../../../schema/migrations/",
                    $folder,
                    "/0004_seen_pull_requests.sql"
                )),
            ),
            (
                5,
                "pending_requests_part",
                include_str!(concat!(
                    "../../../schema/migrations/",
                    $folder,
                    "/0005_pending_requests_part.sql"
                )),
            ),
        ]
    };
}

const SQLITE: &[Step] = steps!("sqlite");
const POSTGRES: &[Step] = steps!("postgres");

/// The steps for SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// The steps for PostgreSQL, where a lock keeps replicas from taking one at the same time.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(steps: &[Step]) -> Migrator {
    let migration = |(number, name, sql): &Step| {
        Migration::new(
            *number,
            (*name).into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    };
    let mut migrator = Migrator::with_migrations(steps.iter().map(migration).collect());
    // A newer replica may have gone further.
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    #[test]
    fn every_file_of_both_folders_is_a_step() {
        for (folder, steps) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("schema/migrations")
                .join(folder);
            let entries = std::fs::read_dir(&folder).unwrap();
            let mut files: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let known: Vec<_> = steps
                .iter()
                .map(|(number, name, _)| format!("{number:04}_{name}.sql"))
                .collect();
            assert_eq!(files, known);
        }
    }

    #[tokio::test]
    async fn what_was_recorded_before_pull_requests_were_dated_counts_from_the_update_on() {
        const OLD: &str = "insert into ske_pending_requests values ('a', 'p', 'g', 'v', 'K', 'ns', 'n', 'upsert', 'Request', \
                           null, null, '', null, 'open', 1, 0, 0, 1, 1)";
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect("sqlite::memory:").await.unwrap();
        migrator(&SQLITE[..3]).run(&pool).await.unwrap();
        sqlx::query(OLD).execute(&pool).await.unwrap();
        sqlite().run(&pool).await.unwrap();
        let seen = sqlx::query_scalar::<_, i64>("select seen_at from ske_pending_requests");
        let age = crate::infra::clock::unix_seconds() - seen.fetch_one(&pool).await.unwrap();
        assert!((0..60).contains(&age), "{age}");
    }
}

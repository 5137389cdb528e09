//! What can go wrong with the database, in sentences that name the key and never a value.

use std::{io, sync::Arc};

use sqlx::migrate::MigrateError;

/// A failure of the database. The outside sentence is for whoever runs Stagedoor; the cause is for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// Backstage knows this setting, we do not.
    #[error("{0}")]
    Unsupported(String),
    /// The data folder cannot be used.
    #[error("The database cannot be opened: {0}")]
    Folder(String),
    /// Nobody answers, or the connection broke.
    #[error(
        "The database cannot be reached; check backend.database.connection, the network, and that PostgreSQL runs there"
    )]
    Unreachable(#[source] Arc<sqlx::Error>),
    /// The server does not let us in.
    #[error("The database does not accept the user and password of backend.database.connection")]
    NotAccepted(#[source] Arc<sqlx::Error>),
    /// TLS failed.
    #[error(
        "The database cannot be reached over TLS; check ssl in backend.database.connection, and that its certificate \
         authority is named there or in stagedoor.tls.caFile"
    )]
    Untrusted(#[source] Arc<sqlx::Error>),
    /// It is not there and may not be made.
    #[error(
        "The database that backend.database names does not exist; create it, or let Stagedoor do so with \
         backend.database.ensureExists"
    )]
    Missing(#[source] Arc<sqlx::Error>),
    /// The user may not do what is needed.
    #[error(
        "The user of backend.database.connection may not create or use what is needed ({0}); grant it the right, or \
         create the database and schema for it"
    )]
    NotPermitted(String, #[source] Arc<sqlx::Error>),
    /// The file cannot be used; what is wrong and what to do.
    #[error("The database file in stagedoor.dataDir {0}")]
    File(&'static str, #[source] Arc<sqlx::Error>),
    /// It took too long; what to look at.
    #[error("The database did not answer within {0} s; check {1}")]
    Slow(u64, &'static str),
    /// The tables could not be brought up to date.
    #[error("The tables of the database that backend.database names could not be brought up to date")]
    Migration(#[source] Arc<MigrateError>),
    /// A query failed.
    #[error("A query of the database failed")]
    Query(#[source] Arc<sqlx::Error>),
    /// The work was given up, which happens only while the service ends.
    #[error("The database was not opened because the service ends")]
    Ending,
}

/// What SQLite's codes mean (SQLite, "Result and Error Codes"). More than the lowest eight bits tell where it was noticed.
const FILE_TROUBLES: [(&[i32], &str); 5] = [
    (
        &[13],
        "cannot grow, because its disk is full; make room there, or name another folder",
    ),
    (
        &[3, 8, 14, 23],
        "may not be read and written; give Stagedoor the right to, or name another folder",
    ),
    (
        &[11, 26],
        "is damaged, or no database of SQLite; restore it, or move it away and a new one is made",
    ),
    (
        &[5, 6],
        "is kept locked by another process; let nothing but Stagedoor use it, or name another folder",
    ),
    (
        &[10],
        "cannot be read or written; check its disk, or name another folder",
    ),
];

/// When no code tells what is wrong.
const BUSY_FILE: &str = "was busy for too long; try again, and check its disk if that stays so";

/// What PostgreSQL's codes mean (PostgreSQL, Appendix A). A class is the first two characters.
const CONNECTION: &str = "08";
const AUTHORIZATION: &str = "28";
const OPERATOR: &str = "57P";
pub(super) const NO_SUCH_DATABASE: &str = "3D000";
const NO_SUCH_SCHEMA: &str = "3F000";
const NOT_PERMITTED: &str = "42501";

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let code = code(&error);
        match (&error, code.as_deref()) {
            (_, Some(NO_SUCH_DATABASE | NO_SUCH_SCHEMA)) => Self::Missing(Arc::new(error)),
            (_, Some(NOT_PERMITTED)) => Self::NotPermitted(message(&error), Arc::new(error)),
            (_, Some(code)) if code.starts_with(AUTHORIZATION) => Self::NotAccepted(Arc::new(error)),
            (_, Some(code)) if code.starts_with(CONNECTION) || code.starts_with(OPERATOR) => {
                Self::Unreachable(Arc::new(error))
            }
            (E::Tls(_), _) => Self::Untrusted(Arc::new(error)),
            (E::Io(broken), _) if is_of_tls(broken) => Self::Untrusted(Arc::new(error)),
            (E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::Protocol(_) | E::WorkerCrashed, _) => {
                Self::Unreachable(Arc::new(error))
            }
            _ => Self::Query(Arc::new(error)),
        }
    }
}

impl From<MigrateError> for DatabaseError {
    fn from(error: MigrateError) -> Self {
        Self::of_migration(error, Self::from)
    }
}

impl DatabaseError {
    /// A failure of the file, whose words are others than those of a server.
    pub(crate) fn of_file(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let code = code(&error).and_then(|code| code.parse::<i32>().ok());
        let trouble = code.and_then(|code| {
            let known = FILE_TROUBLES
                .iter()
                .find(|(codes, _)| codes.contains(&(code & 0xff)));
            known.map(|(_, what)| *what)
        });
        match (trouble, &error) {
            (Some(what), _) => Self::File(what, Arc::new(error)),
            (None, E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed) => {
                Self::File(BUSY_FILE, Arc::new(error))
            }
            (None, _) => Self::Query(Arc::new(error)),
        }
    }

    /// The same while its tables were brought up to date.
    pub(super) fn of_migrated_file(error: MigrateError) -> Self {
        Self::of_migration(error, Self::of_file)
    }

    fn of_migration(error: MigrateError, told: fn(sqlx::Error) -> Self) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match told(error) {
                Self::Query(error) => {
                    Self::Migration(Arc::new(MigrateError::Source(error.to_string().into())))
                }
                told => told,
            },
            other => Self::Migration(Arc::new(other)),
        }
    }
}

/// A handshake that fails comes as a failure of the connection.
fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The server's code of an error.
pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}

fn message(error: &sqlx::Error) -> String {
    error
        .as_database_error()
        .map(|error| error.message().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_names_the_key_to_look_at() {
        let refused = sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into());
        let untrusted = sqlx::Error::Tls("expired".into());
        for (error, key) in [
            (refused.into(), "backend.database.connection"),
            (sqlx::Error::PoolTimedOut.into(), "backend.database.connection"),
            (untrusted.into(), "stagedoor.tls.caFile"),
            (
                DatabaseError::of_file(sqlx::Error::PoolTimedOut),
                "stagedoor.dataDir",
            ),
        ] as [(DatabaseError, &str); 4]
        {
            assert!(error.to_string().contains(key), "{error}");
        }
        assert!(matches!(sqlx::Error::RowNotFound.into(), DatabaseError::Query(_)));
    }
}

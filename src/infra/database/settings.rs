//! Reads `backend.database` as Backstage does, with `backend.database.plugin.stagedoor` laid over it.

use super::postgres_settings::PostgresSettings;
use crate::config::{ConfigError, ConfigReader, Problems};

/// Backstage's section.
pub(super) const SECTION: &str = "backend.database";

/// The id under which our own part of it is overridden.
pub(super) const OURS: &str = "stagedoor";

/// Which database to use and how to reach it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub(super) client: Client,
    notices: Vec<String>,
}

/// The kinds of database.
#[derive(Debug, Clone)]
pub(super) enum Client {
    /// The file in the data folder.
    Sqlite,
    /// PostgreSQL.
    Postgres(Box<PostgresSettings>),
    /// Something Backstage can use and we cannot, and what to do about it. Told when the database is needed, because
    /// the file is shared with a portal that may well use it.
    Unsupported(String),
}

impl DatabaseSettings {
    /// Reads the section; no section is SQLite.
    ///
    /// # Errors
    /// Every value that cannot be used.
    pub fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let client = Client::read(reader, &mut problems);
        match client {
            Some(client) if problems.is_empty() => {
                if let Client::Unsupported(why) = &client {
                    problems.notice(why.clone());
                }
                Ok(Self {
                    client,
                    notices: problems.into_notices(),
                })
            }
            _ => Err(problems.into_errors()),
        }
    }

    /// What is ignored or missing, to be said once at the start.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Whether it is a server, which can be away.
    pub fn is_server(&self) -> bool {
        matches!(self.client, Client::Postgres(_))
    }

    /// The schema of schema mode.
    pub(super) fn schema(&self) -> Option<&str> {
        match &self.client {
            Client::Postgres(settings) => settings.schema.as_deref(),
            _ => None,
        }
    }
}

impl Client {
    fn read(reader: &ConfigReader, problems: &mut Problems) -> Option<Self> {
        let base = problems.of(reader.optional_string(&key("client")))?;
        let own = problems.of(reader.optional_string(&own_key("client")))?;
        // A connection belongs to its client: the portal's is no use to another one of ours.
        let overlays = own.is_none() || own == base;
        let name = own.clone().or(base);
        let schema_mode = problems.of(schema_mode(reader))?;
        for ignored in ["knexConfig", "plugin.stagedoor.knexConfig"] {
            if reader.has(&key(ignored)) {
                problems.notice(format!("{} is ignored; there is no knex here", key(ignored)));
            }
        }
        match name.as_deref() {
            None | Some("better-sqlite3" | "sqlite3") if schema_mode => {
                problems.refuse(
                    &key("pluginDivisionMode"),
                    "is schema, which SQLite does not have; use client pg",
                );
                None
            }
            None | Some("better-sqlite3" | "sqlite3") => Some(Self::Sqlite),
            Some("pg") => PostgresSettings::read(reader, (overlays, schema_mode), problems),
            Some("embedded-postgres" | "mysql" | "mysql2") => Some(Self::Unsupported(format!(
                "{} is a database that Stagedoor cannot use; set {} to better-sqlite3 or pg, with its own connection",
                key("client"),
                own_key("client"),
            ))),
            Some(_) => {
                let key = if own.is_some() {
                    own_key("client")
                } else {
                    key("client")
                };
                problems.refuse(&key, "must be better-sqlite3, sqlite3 or pg");
                None
            }
        }
    }
}

fn schema_mode(reader: &ConfigReader) -> Result<bool, ConfigError> {
    match reader.optional_string(&key("pluginDivisionMode"))?.as_deref() {
        None | Some("database") => Ok(false),
        Some("schema") => Ok(true),
        Some(_) => Err(ConfigError::invalid(
            &key("pluginDivisionMode"),
            "must be database or schema",
        )),
    }
}

/// A key of the section.
pub(super) fn key(name: &str) -> String {
    format!("{SECTION}.{name}")
}

/// A key that is ours alone.
pub(super) fn own_key(name: &str) -> String {
    format!("{SECTION}.plugin.{OURS}.{name}")
}

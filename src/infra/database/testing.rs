//! Databases of both kinds for tests: a file, and a schema's worth of a real PostgreSQL.

use std::sync::Arc;

use tempfile::TempDir;
use uuid::Uuid;

use super::{Database, DatabaseSettings};
use crate::{
    config::{ConfigReader, Layer, from_json},
    infra::{data_folder::DataFolder, http_client::Authorities, tasks::Tasks},
};

#[allow(dead_code, reason = "tests/it uses the rest of it")]
#[path = "../../../tests/it/support/guarded.rs"]
mod guarded;
#[path = "../../../tests/it/support/postgres.rs"]
pub(crate) mod postgres;

/// A database and the folder it may use.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    pub(crate) folder: TempDir,
}

impl TestDatabase {
    /// The database of this section `backend.database`.
    pub(crate) fn of(section: &serde_json::Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = database(section, &folder);
        Self { database, folder }
    }

    /// A file.
    pub(crate) fn sqlite() -> Self {
        Self::of(&serde_json::json!({}))
    }

    /// A database of its own on the shared server.
    pub(crate) fn postgres() -> Self {
        Self::of(&section(&postgres::Postgres::shared().url()))
    }

    /// One of each kind.
    pub(crate) fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    /// The same database as another process has it.
    pub(crate) fn again(&self, section: &serde_json::Value) -> Database {
        database(section, &self.folder)
    }
}

/// A section with a database that nobody else uses.
pub(crate) fn section(url: &str) -> serde_json::Value {
    let prefix = format!("t{}_", Uuid::new_v4().simple());
    serde_json::json!({ "client": "pg", "connection": url, "prefix": prefix })
}

/// Reads this section `backend.database`.
pub(crate) fn reader(section: &serde_json::Value) -> ConfigReader {
    let whole = from_json(serde_json::json!({ "backend": { "database": section } }));
    let crate::config::Value::Object(data) = whole else {
        panic!("an object");
    };
    let context = "app-config.yaml".to_owned();
    ConfigReader::new(vec![Layer { context, data }])
}

fn database(section: &serde_json::Value, folder: &TempDir) -> Database {
    crate::infra::install_crypto_provider();
    let settings = DatabaseSettings::read(&reader(section)).unwrap();
    let (root, temporary) = (folder.path(), folder.path().join("tmp"));
    let data = DataFolder::new(Some(root.join("data")), root, temporary);
    Database::new(settings, data, Arc::new(Authorities::default()), Tasks::default())
}

//! `stagedoor.dataDir`, and where else state goes.

use std::path::{Path, PathBuf};

use crate::{
    config::{ConfigError, ConfigReader, Environment},
    infra::data_folder::DataFolder,
};

/// Where temporary files go unless the environment says otherwise (POSIX, `TMPDIR`).
const TEMPORARY: &str = "/tmp";

/// Reads the key; makes no folder.
///
/// # Errors
/// The value is no text.
pub(super) fn read(reader: &ConfigReader, environment: &Environment) -> Result<DataFolder, Vec<ConfigError>> {
    let configured = reader.optional_string("stagedoor.dataDir");
    let configured = configured.map_err(|problem| vec![problem])?;
    let temporary = environment.get("TMPDIR").filter(|path| !path.is_empty());
    Ok(DataFolder::new(
        configured.map(PathBuf::from),
        &environment.system_path("/"),
        Path::new(temporary.unwrap_or(TEMPORARY)).to_owned(),
    ))
}

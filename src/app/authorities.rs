//! The certificate authorities trusted besides the system's own.

use std::{fs, path::Path};

use tracing::warn;

use crate::config::{ConfigError, ConfigReader};

/// Reads the PEM files of `stagedoor.tls.caFile`, `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE`.
///
/// # Errors
/// The configured file cannot be read. The variables' files are optional, as in Node.
pub(super) fn read(reader: &ConfigReader, environment: &[String]) -> Result<Vec<Vec<u8>>, Vec<ConfigError>> {
    let mut authorities = Vec::new();
    for path in environment {
        match fs::read(path) {
            Ok(pem) => authorities.push(pem),
            Err(_) => {
                warn!("NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names a file that cannot be read; it is ignored")
            }
        }
    }
    match reader.optional_string("stagedoor.tls.caFile") {
        Ok(None) => {}
        Ok(Some(path)) => authorities.push(read_configured(Path::new(&path))?),
        Err(problem) => return Err(vec![problem]),
    }
    Ok(authorities)
}

fn read_configured(path: &Path) -> Result<Vec<u8>, Vec<ConfigError>> {
    fs::read(path).map_err(|error| {
        vec![ConfigError::new(format!(
            "stagedoor.tls.caFile names a file that cannot be read ({}); give the path of a PEM file",
            error.kind()
        ))]
    })
}

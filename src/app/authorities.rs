//! The certificate authorities trusted besides the system's own.

use std::fs;

use tracing::warn;

use crate::{
    config::{ConfigError, ConfigReader},
    infra::http_client::{Authorities, check_authorities},
};

/// Reads the PEM files of `stagedoor.tls.caFile`, `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE`.
///
/// # Errors
/// The configured file cannot be read or used. The variables' files are optional, as in Node.
pub(super) fn read(reader: &ConfigReader, environment: &[String]) -> Result<Authorities, Vec<ConfigError>> {
    let mut authorities = Authorities::default();
    for path in environment {
        match fs::read(path) {
            Ok(pem) => authorities.optional.push(pem),
            Err(_) => {
                warn!("NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names a file that cannot be read; it is ignored")
            }
        }
    }
    match reader.optional_string("stagedoor.tls.caFile") {
        Ok(None) => {}
        Ok(Some(path)) => authorities.required.push(read_configured(&path)?),
        Err(problem) => return Err(vec![problem]),
    }
    Ok(authorities)
}

fn read_configured(path: &str) -> Result<Vec<u8>, Vec<ConfigError>> {
    let unusable = |problem: &str| {
        vec![ConfigError::new(format!(
            "stagedoor.tls.caFile names a file that {problem}; give the path of a PEM file with certificates"
        ))]
    };
    let pem = fs::read(path).map_err(|error| unusable(&format!("cannot be read ({})", error.kind())))?;
    check_authorities(&pem).map_err(unusable)?;
    Ok(pem)
}

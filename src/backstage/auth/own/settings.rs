//! `backend.auth.pluginKeyStore`: whether our keys rotate through the database or are files.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::signing_key::{SigningKey, publish};
use crate::config::{ConfigError, ConfigReader};

/// Where the kind of store is configured.
const KIND: &str = "backend.auth.pluginKeyStore.type";

/// Where the static keys are configured.
const STATIC_KEYS: &str = "backend.auth.pluginKeyStore.static.keys";

/// Where our keys come from.
#[derive(Debug, Clone, Default)]
pub(in crate::backstage::auth) enum KeySettings {
    /// Made here, published through the database; Backstage's default.
    #[default]
    Database,
    /// Files, the same for every plugin.
    Static(StaticKeys),
}

/// Configured keys.
#[derive(Debug, Clone)]
pub(in crate::backstage::auth) struct StaticKeys {
    /// The first one, which signs.
    pub(super) signing: Arc<SigningKey>,
    /// All of them, as JWKs.
    pub(super) published: Vec<Value>,
}

impl KeySettings {
    /// Reads the keys and the files they name.
    pub(in crate::backstage::auth) fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let kind = reader.optional_string(KIND).map_err(|error| vec![error])?;
        match kind.as_deref() {
            None | Some("database") => Ok(Self::Database),
            Some("static") => StaticKeys::read(reader).map(Self::Static),
            Some(_) => {
                let what = "must be 'database' or 'static'";
                Err(vec![ConfigError::invalid(KIND, what)])
            }
        }
    }
}

impl StaticKeys {
    fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let entries = reader.optional_config_array(STATIC_KEYS);
        let entries = entries.map_err(|error| vec![error])?.unwrap_or_default();
        let (keys, problems): (Vec<_>, Vec<_>) = entries.iter().map(public_key).partition(Result::is_ok);
        let problems: Vec<_> = problems.into_iter().filter_map(Result::err).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let published: Vec<_> = keys.into_iter().filter_map(Result::ok).collect();
        let (Some(first), Some(public)) = (entries.first(), published.first()) else {
            let what = "must list at least one key; the first one signs";
            return Err(vec![ConfigError::invalid(STATIC_KEYS, what)]);
        };
        let signing = Arc::new(signing_key(first, public).map_err(|error| vec![error])?);
        Ok(Self { signing, published })
    }
}

/// The file's key as a JWK with the configured id; paths are relative to the working directory, as in Backstage.
fn public_key(entry: &ConfigReader) -> Result<Value, ConfigError> {
    let (pem, key) = read_file(entry, "publicKeyFile")?;
    let id = entry.string("keyId")?;
    let unusable = || {
        ConfigError::new(format!(
            "The file named by '{key}' must hold a public key in PEM form that fits 'algorithm'; ES256, ES384, RS256 to \
             PS512 and EdDSA are supported"
        ))
    };
    let algorithm = algorithm(entry)?.ok_or_else(unusable)?;
    publish(&pem, algorithm, &id).map_err(|_| unusable())
}

/// The pair of the entry; the public half was read before.
fn signing_key(entry: &ConfigReader, published: &Value) -> Result<SigningKey, ConfigError> {
    let (pem, key) = read_file(entry, "privateKeyFile")?;
    let id = entry.string("keyId")?;
    let unusable = || {
        ConfigError::new(format!(
            "The file named by '{key}' must hold the private key, in PEM form (PKCS#8), that belongs to 'publicKeyFile'"
        ))
    };
    let algorithm = algorithm(entry)?.ok_or_else(unusable)?;
    SigningKey::configured(&id, algorithm, &pem, published.clone()).map_err(|_| unusable())
}

/// `None` is a name nobody knows.
fn algorithm(entry: &ConfigReader) -> Result<Option<Algorithm>, ConfigError> {
    let name = entry.optional_string("algorithm")?;
    Ok(name.as_deref().unwrap_or("ES256").parse().ok())
}

/// The file's content, and the full key that names it.
fn read_file(entry: &ConfigReader, name: &str) -> Result<(Vec<u8>, String), ConfigError> {
    let file = entry.string(name)?;
    let key = entry.full_key(name);
    match std::fs::read(file) {
        Ok(content) => Ok((content, key)),
        Err(error) => Err(ConfigError::new(format!(
            "The file named by '{key}' could not be read: {}",
            error.kind()
        ))),
    }
}

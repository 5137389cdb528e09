//! Our own public keys: what we publish, and what a plugin token from ourselves is verified with.

use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Value, json};

use super::key_set::KeySet;
use crate::config::{ConfigError, ConfigReader};

/// Where the static keys are configured.
const STATIC_KEYS: &str = "backend.auth.pluginKeyStore.static.keys";

/// The key document of every plugin we serve.
#[derive(Debug)]
pub(super) struct OwnKeys {
    /// As `/.backstage/auth/v1/jwks.json` answers it.
    pub(super) document: Value,
    /// The same, ready to verify with.
    pub(super) set: KeySet,
}

impl Default for OwnKeys {
    fn default() -> Self {
        Self::publish(&[])
    }
}

impl OwnKeys {
    /// Reads the public keys of a `static` plugin key store; there are none otherwise.
    pub(super) fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let kind = reader.optional_string("backend.auth.pluginKeyStore.type");
        if kind.map_err(|error| vec![error])?.as_deref() != Some("static") {
            return Ok(Self::default());
        }
        let entries = reader
            .optional_config_array(STATIC_KEYS)
            .map_err(|error| vec![error])?;
        let (keys, errors): (Vec<_>, Vec<_>) = entries
            .unwrap_or_default()
            .iter()
            .map(public_key)
            .partition(Result::is_ok);
        if !errors.is_empty() {
            return Err(errors.into_iter().filter_map(Result::err).collect());
        }
        let keys: Vec<Value> = keys.into_iter().filter_map(Result::ok).collect();
        Ok(Self::publish(&keys))
    }

    fn publish(keys: &[Value]) -> Self {
        let document = json!({ "keys": keys });
        let set = KeySet::parse(&document).unwrap_or_default();
        Self { document, set }
    }
}

/// The file's key as a JWK with the configured id; paths are relative to the working directory, as in Backstage.
fn public_key(entry: &ConfigReader) -> Result<Value, ConfigError> {
    let file = entry.string("publicKeyFile")?;
    let kid = entry.string("keyId")?;
    let name = entry
        .optional_string("algorithm")?
        .unwrap_or_else(|| "ES256".to_owned());
    let key = entry.full_key("publicKeyFile");
    let pem = std::fs::read(file).map_err(|error| {
        ConfigError::new(format!(
            "The file named by '{key}' could not be read: {}",
            error.kind()
        ))
    })?;
    let unusable = || {
        ConfigError::new(format!(
            "The file named by '{key}' must hold a public key in PEM form that fits 'algorithm'; ES256, ES384, RS256 to \
             PS512 and EdDSA are supported"
        ))
    };
    let algorithm: Algorithm = name.parse().map_err(|_| unusable())?;
    let published =
        decode(&pem, algorithm).and_then(|key| Jwk::from_decoding_key(&key, Some(algorithm)).ok());
    let mut published = published.ok_or_else(unusable)?;
    published.common.key_id = Some(kid);
    serde_json::to_value(&published).map_err(|_| unusable())
}

fn decode(pem: &[u8], algorithm: Algorithm) -> Option<DecodingKey> {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem).ok(),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem).ok(),
        _ => DecodingKey::from_rsa_pem(pem).ok(),
    }
}

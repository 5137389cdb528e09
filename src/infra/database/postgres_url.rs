//! A connection written as a URL, read as npm `pg-connection-string` reads it.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::postgres_settings::{Certificates, Connection, Tls};
use crate::config::ConfigError;

/// What is said of any other text; the text itself may hold a password.
const FORM: &str = "is no PostgreSQL URL; write it as postgres://user:password@host:5432/name, with reserved characters \
                    percent-encoded";

/// Reads the URL at the key.
///
/// # Errors
/// It is none, or a parameter of it cannot be used. The message names the key alone.
pub(super) fn parse(text: &SecretString, key: &str) -> Result<Connection, ConfigError> {
    let invalid = || ConfigError::invalid(key, FORM);
    let url = Url::parse(text.expose_secret()).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
        return Err(invalid());
    }
    let decode = |text: &str| -> Result<Option<String>, ConfigError> {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| invalid())?;
        Ok(Some(decoded.into_owned()).filter(|text| !text.is_empty()))
    };
    let mut connection = Connection {
        host: decode(url.host_str().unwrap_or_default().trim_matches(['[', ']']))?,
        port: url.port(),
        user: decode(url.username())?,
        password: decode(url.password().unwrap_or_default())?.map(SecretString::from),
        database: decode(url.path().trim_start_matches('/'))?,
        ..Connection::default()
    };
    let mut parameters = Parameters::default();
    for (name, value) in url.query_pairs() {
        let value = value.into_owned();
        match name.as_ref() {
            "host" => connection.host = Some(value),
            "port" => connection.port = Some(value.parse().map_err(|_| invalid())?),
            "user" => connection.user = Some(value),
            "password" => connection.password = Some(value.into()),
            "application_name" => connection.application_name = Some(value),
            name => parameters.note(name, value),
        }
    }
    connection.tls = parameters.tls(key)?;
    Ok(connection)
}

/// The parameters that make up TLS.
#[derive(Default)]
struct Parameters {
    ssl: Option<String>,
    mode: Option<String>,
    certificates: Certificates,
}

impl Parameters {
    /// What is none of these is not for us.
    fn note(&mut self, name: &str, value: String) {
        match name {
            "ssl" => self.ssl = Some(value),
            "sslmode" => self.mode = Some(value),
            "sslrootcert" => self.certificates.authority = Some(value),
            "sslcert" => self.certificates.certificate = Some(value),
            "sslkey" => self.certificates.key = Some(value.into()),
            _ => {}
        }
    }

    /// As in npm, every mode that encrypts also verifies, but for `no-verify`.
    fn tls(self, key: &str) -> Result<Option<Tls>, ConfigError> {
        if self.certificates.certificate.is_some() != self.certificates.key.is_some() {
            let why = "must have both sslcert and sslkey, or neither";
            return Err(ConfigError::invalid(key, why));
        }
        let has_certificates = self.certificates.authority.is_some() || self.certificates.key.is_some();
        match (self.mode.as_deref(), self.ssl.as_deref()) {
            (Some("disable"), _) => Ok(Some(Tls::Off)),
            (Some("no-verify"), _) => Ok(Some(Tls::Unverified(self.certificates))),
            (Some("prefer" | "require" | "verify-ca" | "verify-full"), _) => {
                Ok(Some(Tls::Verified(self.certificates)))
            }
            (Some(_), _) => Err(ConfigError::invalid(
                key,
                "has an sslmode that is none of disable, no-verify, prefer, require, verify-ca and verify-full",
            )),
            (None, Some("true" | "1")) => Ok(Some(Tls::Verified(self.certificates))),
            (None, Some("0" | "false")) => Ok(Some(Tls::Off)),
            (None, Some(_)) => Err(ConfigError::invalid(
                key,
                "has an ssl that is none of true, 1, false and 0",
            )),
            (None, None) if has_certificates => Ok(Some(Tls::Verified(self.certificates))),
            (None, None) => Ok(None),
        }
    }
}

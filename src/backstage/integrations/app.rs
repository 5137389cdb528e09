//! Reads one entry of `integrations.github[].apps`.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::{jwt::Signer, owner::Owner};
use crate::config::{ConfigError, ConfigReader, Problems};

/// The largest number JavaScript holds exactly; real ids have seven digits.
const MAX_ID: f64 = 9_007_199_254_740_991.0;

/// A GitHub App: it is installed by owners of accounts, and gets tokens for those.
#[derive(Debug, Clone)]
pub struct GitHubApp {
    /// Where it is configured, such as `integrations.github[0].apps[0]`.
    pub key: String,
    /// `appId`, a number or a text that is one.
    pub app_id: u64,
    /// `privateKey`: RSA in PEM, PKCS#1 or PKCS#8; line ends may be written as `\n`.
    pub private_key: SecretString,
    /// `allowedInstallationOwners`: the accounts it may be used for; all when absent.
    pub allowed_installation_owners: Option<Vec<String>>,
}

impl GitHubApp {
    /// Reads the entry; `None` when something is wrong with it, which is then among the problems.
    pub(super) fn read(fields: &ConfigReader, problems: &mut Problems) -> Option<Self> {
        let app_id = problems.of(app_id(fields));
        let private_key = problems.of(required(fields, "privateKey", |key| fields.secret(key)));
        let owners = problems.of(fields.optional_string_array("allowedInstallationOwners"));
        let (app_id, private_key) = (app_id?, private_key?);
        if Signer::new(app_id, &private_key).is_err() {
            let what = "is not an RSA private key in PEM; give the whole file that GitHub made for the App, \
                        beginning with -----BEGIN";
            problems.refuse(&fields.full_key("privateKey"), what);
            return None;
        }
        Some(Self {
            key: fields.full_key(""),
            app_id,
            private_key,
            allowed_installation_owners: owners?,
        })
    }

    /// Whether it may be used for the account; an empty list allows none, as in Backstage.
    pub(super) fn allows(&self, owner: &Owner) -> bool {
        let owners = self.allowed_installation_owners.as_ref();
        owners.is_none_or(|owners| owners.iter().any(|allowed| owner.is(allowed)))
    }
}

impl fmt::Display for GitHubApp {
    /// Its number and where it is configured.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "App {} ({})", self.app_id, self.key)
    }
}

impl PartialEq for GitHubApp {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
            && self.app_id == other.app_id
            && self.private_key.expose_secret() == other.private_key.expose_secret()
            && self.allowed_installation_owners == other.allowed_installation_owners
    }
}

impl Eq for GitHubApp {}

fn app_id(fields: &ConfigReader) -> Result<u64, ConfigError> {
    let number = required(fields, "appId", |key| fields.number(key))?;
    if number.fract() == 0.0 && (1.0..=MAX_ID).contains(&number) {
        return Ok(number as u64);
    }
    let what = "must be the number GitHub shows as App ID";
    Err(ConfigError::invalid(&fields.full_key("appId"), what))
}

/// Reads a value, and says of a missing one which variable would have held it.
fn required<T>(
    fields: &ConfigReader,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    match fields.missing_because(key) {
        Some(reason) => Err(ConfigError::invalid(
            &fields.full_key(key),
            &format!("is missing because {reason}"),
        )),
        None => read(key),
    }
}

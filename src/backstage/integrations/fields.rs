//! What entries of `integrations` have in common: a host, an address of its API, a token.

use secrecy::SecretString;
use url::Url;

use crate::{
    config::{ConfigError, ConfigReader},
    infra::http_client::keeps_secrets,
};

/// The entry's `host` in small letters: a host with or without a port and nothing else, as Backstage demands.
pub(super) fn host_of(entry: &ConfigReader, default: &str) -> Result<String, ConfigError> {
    let host = entry.optional_string("host")?;
    let host = host.map_or_else(|| default.to_owned(), |host| host.to_ascii_lowercase());
    if is_authority(&host) {
        Ok(host)
    } else {
        let what = "must be a host, such as git.example.com, with a port if need be and nothing else";
        Err(ConfigError::invalid(&entry.full_key("host"), what))
    }
}

/// Whether the text, in small letters, is a host with or without a port and nothing else.
pub(super) fn is_authority(host: &str) -> bool {
    let url = Url::parse(&format!("http://{host}/")).ok();
    url.is_some_and(|url| authority(&url) == host)
}

/// Host and port, as `integrations` names a host.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// An address of the entry where secrets may travel to, so it must be https.
pub(super) fn address(entry: &ConfigReader, key: &str, default: String) -> Result<Url, ConfigError> {
    let invalid = |what: &str| ConfigError::invalid(&entry.full_key(key), what);
    let text = entry.optional_string(key)?.unwrap_or(default);
    let url = Url::parse(&text).map_err(|_| invalid("is not a URL"))?;
    if !keeps_secrets(&url) {
        return Err(invalid(
            "must use https; plain http is accepted only for this machine itself",
        ));
    }
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(
            "must not carry a user name, a password, a query or a fragment",
        ));
    }
    Ok(url)
}

/// The entry's `token`. Backstage takes blanks away too, since a token in a file often ends with a line end.
pub(super) fn token(entry: &ConfigReader) -> Result<Option<SecretString>, ConfigError> {
    let Some(token) = entry.optional_string("token")? else {
        return Ok(None);
    };
    let token = token.trim();
    if token.is_empty() || token.contains(char::is_control) {
        let what = "must be a token, on one line and not blank";
        return Err(ConfigError::invalid(&entry.full_key("token"), what));
    }
    Ok(Some(SecretString::from(token)))
}

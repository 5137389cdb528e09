//! Reads `integrations.github`.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::app::GitHubApp;
use crate::{
    config::{ConfigError, ConfigReader, Problems},
    infra::http_client::keeps_secrets,
};

/// Backstage's list of GitHub hosts.
const SECTION: &str = "integrations.github";

/// The host of an entry that names none.
const GITHUB_HOST: &str = "github.com";

/// Where its API is.
const GITHUB_API: &str = "https://api.github.com";

/// One entry of `integrations.github`: a host, where its API is, and the credentials for it.
///
/// Two are equal when nothing that matters differs, secrets included; so a reload shows whether they changed.
#[derive(Debug, Clone)]
pub struct GitHubIntegration {
    /// Where it is configured, such as `integrations.github[0]`.
    pub key: String,
    /// `host` in small letters, default `github.com`; with its port, if it has one.
    pub host: String,
    /// `apiBaseUrl`, default `https://api.github.com`, for other hosts `https://<host>/api/v3`.
    pub api_base_url: Url,
    /// `token`: a personal access token, for what no App covers.
    pub token: Option<SecretString>,
    /// `apps`.
    pub apps: Vec<GitHubApp>,
}

impl GitHubIntegration {
    /// Reads every entry; `None` when something is wrong with one, which is then among the problems.
    pub fn read_all(reader: &ConfigReader, problems: &mut Problems) -> Option<Vec<Self>> {
        let entries = entries(reader, problems)?;
        let read: Vec<_> = entries.iter().map(|entry| Self::read(entry, problems)).collect();
        read.into_iter().collect()
    }

    /// Reads the entry for a host (with its port, if it has one), and no other: whose entries nobody uses are
    /// Backstage's business. Of several it is the first with a credential.
    ///
    /// The outer `None` means that something is wrong with it, the inner one that there is none.
    pub fn for_host(reader: &ConfigReader, host: &str, problems: &mut Problems) -> Option<Option<Self>> {
        let mut chosen = None;
        for entry in entries(reader, problems)? {
            let named = problems.of(host_of(&entry))?;
            let has_credential = has_credential(&entry);
            if named.eq_ignore_ascii_case(host) && (has_credential || chosen.is_none()) {
                chosen = Some(entry);
                if has_credential {
                    break;
                }
            }
        }
        match chosen {
            Some(entry) => Self::read(&entry, problems).map(Some),
            None => Some(None),
        }
    }

    fn read(entry: &ConfigReader, problems: &mut Problems) -> Option<Self> {
        let host = problems.of(host_of(entry));
        let api_base_url = host
            .as_ref()
            .and_then(|host| problems.of(api_base_url(entry, host)));
        let token = problems.of(token(entry));
        let apps = problems.of(entry.optional_config_array("apps"));
        let apps: Vec<_> = apps?
            .unwrap_or_default()
            .iter()
            .map(|app| GitHubApp::read(app, problems))
            .collect();
        if let Some(variable) = entry.dropped_variable("token") {
            problems.notice(format!(
                "{} is left out because the environment variable {variable} is not set; only the Apps of the entry are \
                 used, if there are any",
                entry.full_key("token")
            ));
        }
        Some(Self {
            key: entry.full_key(""),
            host: host?,
            api_base_url: api_base_url?,
            token: token?,
            apps: apps.into_iter().collect::<Option<_>>()?,
        })
    }
}

impl PartialEq for GitHubIntegration {
    fn eq(&self, other: &Self) -> bool {
        let token = |of: &Self| of.token.as_ref().map(|token| token.expose_secret().to_owned());
        self.key == other.key
            && self.host == other.host
            && self.api_base_url == other.api_base_url
            && token(self) == token(other)
            && self.apps == other.apps
    }
}

impl Eq for GitHubIntegration {}

fn entries(reader: &ConfigReader, problems: &mut Problems) -> Option<Vec<ConfigReader>> {
    let entries = problems.of(reader.optional_config_array(SECTION))?;
    Some(entries.unwrap_or_default())
}

/// Whether there is an App or a token. Apps that cannot be read count, so that it is told what is wrong with them.
fn has_credential(entry: &ConfigReader) -> bool {
    let apps = entry.optional_config_array("apps");
    entry.has("token") || apps.map_or(true, |apps| apps.is_some_and(|apps| !apps.is_empty()))
}

/// A host with or without a port and nothing else, as Backstage demands.
fn host_of(entry: &ConfigReader) -> Result<String, ConfigError> {
    let host = entry.optional_string("host")?;
    let host = host.map_or_else(|| GITHUB_HOST.to_owned(), |host| host.to_ascii_lowercase());
    let url = Url::parse(&format!("http://{host}/")).ok();
    let alone = url.is_some_and(|url| authority(&url) == host);
    if alone {
        Ok(host)
    } else {
        let what = "must be a host, such as github.example.com, with a port if need be and nothing else";
        Err(ConfigError::invalid(&entry.full_key("host"), what))
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tokens travel to it, so it must be https.
fn api_base_url(entry: &ConfigReader, host: &str) -> Result<Url, ConfigError> {
    let invalid = |what: &str| ConfigError::invalid(&entry.full_key("apiBaseUrl"), what);
    let given = entry.optional_string("apiBaseUrl")?;
    let text = given.unwrap_or_else(|| match host {
        GITHUB_HOST => GITHUB_API.to_owned(),
        host => format!("https://{host}/api/v3"),
    });
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

/// Backstage takes blanks away too, since a token in a file often ends with a line end.
fn token(entry: &ConfigReader) -> Result<Option<SecretString>, ConfigError> {
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

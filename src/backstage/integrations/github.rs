//! Reads `integrations.github`.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    app::GitHubApp,
    fields::{address, host_of, token},
};
use crate::config::{ConfigReader, Problems};

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
            let named = problems.of(host_of(&entry, GITHUB_HOST))?;
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
        let host = problems.of(host_of(entry, GITHUB_HOST));
        let api_base_url = host
            .as_ref()
            .and_then(|host| problems.of(address(entry, "apiBaseUrl", default_api(host))));
        let token = problems.of(token(entry));
        let apps = problems.of(entry.optional_config_array("apps"));
        let apps: Vec<_> = apps?
            .unwrap_or_default()
            .iter()
            .map(|app| GitHubApp::read(app, problems))
            .collect();
        if let Some(reason) = entry.missing_because("token") {
            problems.notice(format!(
                "{} is left out because {reason}; only the Apps of the entry are \
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

/// The hosts that have an entry, as far as they can be read.
pub(super) fn hosts(reader: &ConfigReader) -> Vec<String> {
    let entries = reader.optional_config_array(SECTION).ok().flatten();
    let hosts = entries.unwrap_or_default();
    hosts
        .iter()
        .filter_map(|entry| host_of(entry, GITHUB_HOST).ok())
        .collect()
}

/// Whether there is an App or a token. Apps that cannot be read count, so that it is told what is wrong with them.
fn has_credential(entry: &ConfigReader) -> bool {
    let apps = entry.optional_config_array("apps");
    entry.has("token") || apps.map_or(true, |apps| apps.is_some_and(|apps| !apps.is_empty()))
}

/// Where the API is, when the entry does not say so.
fn default_api(host: &str) -> String {
    match host {
        GITHUB_HOST => GITHUB_API.to_owned(),
        host => format!("https://{host}/api/v3"),
    }
}

//! Reads `integrations.gitlab`.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::fields::{address, host_of, token};
use crate::config::{ConfigReader, Problems};

/// Backstage's list of GitLab hosts.
const SECTION: &str = "integrations.gitlab";

/// The host of an entry that names none.
const GITLAB_HOST: &str = "gitlab.com";

/// One entry of `integrations.gitlab`: a host, where its API and its pages are, and the token for it.
///
/// Two are equal when nothing that matters differs, the secret included; so a reload shows whether it changed.
#[derive(Debug, Clone)]
pub struct GitLabIntegration {
    /// Where it is configured, such as `integrations.gitlab[0]`.
    pub key: String,
    /// `host` in small letters, default `gitlab.com`; with its port, if it has one.
    pub host: String,
    /// `apiBaseUrl`, default `https://<host>/api/v4`, which Backstage itself knows for gitlab.com alone.
    pub api_base_url: Url,
    /// `baseUrl`, default `https://<host>`: what the addresses of its pages begin with.
    pub base_url: Url,
    /// `token`: a personal, group or project access token.
    pub token: Option<SecretString>,
}

impl GitLabIntegration {
    /// Reads the entry for a host (with its port, if it has one), and no other. Of several it is the first with a token.
    ///
    /// The outer `None` means that something is wrong with it, the inner one that there is none.
    pub fn for_host(reader: &ConfigReader, host: &str, problems: &mut Problems) -> Option<Option<Self>> {
        let entries = problems.of(reader.optional_config_array(SECTION))?;
        let mut chosen = None;
        for entry in entries.unwrap_or_default() {
            let named = problems.of(host_of(&entry, GITLAB_HOST))?;
            let has_token = entry.has("token");
            if named.eq_ignore_ascii_case(host) && (has_token || chosen.is_none()) {
                chosen = Some(entry);
                if has_token {
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
        let host = problems.of(host_of(entry, GITLAB_HOST));
        let mut at = |key: &str, path: &str| {
            let default = format!("https://{}{path}", host.as_ref()?);
            problems.of(address(entry, key, default))
        };
        let (api_base_url, base_url) = (at("apiBaseUrl", "/api/v4"), at("baseUrl", ""));
        let token = problems.of(token(entry));
        if let Some(reason) = entry.missing_because("token") {
            problems.notice(format!(
                "{} is left out because {reason}",
                entry.full_key("token")
            ));
        }
        Some(Self {
            key: entry.full_key(""),
            host: host?,
            api_base_url: api_base_url?,
            base_url: base_url?,
            token: token?,
        })
    }
}

impl PartialEq for GitLabIntegration {
    fn eq(&self, other: &Self) -> bool {
        let token = |of: &Self| of.token.as_ref().map(|token| token.expose_secret().to_owned());
        self.key == other.key
            && self.host == other.host
            && self.api_base_url == other.api_base_url
            && self.base_url == other.base_url
            && token(self) == token(other)
    }
}

impl Eq for GitLabIntegration {}

/// The hosts that have an entry, as far as they can be read.
pub(super) fn hosts(reader: &ConfigReader) -> Vec<String> {
    let entries = reader.optional_config_array(SECTION).ok().flatten();
    let entries = entries.unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| host_of(entry, GITLAB_HOST).ok())
        .collect()
}

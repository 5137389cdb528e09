//! Reads `ske.scm`, the repository of gitops and hybrid, and how new files are laid out in it.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    backstage::integrations::GitHubIntegration,
    config::{ConfigError, ConfigReader, Problems, Value},
    infra::git::{BranchName, Credentials, FolderPath, Identity, RemoteUrl},
    plugins::ske::gitops::Layout,
};

const LAYOUT: &str = "stagedoor.ske.layout";

/// The user name GitHub wants beside a token.
const GITHUB_USER: &str = "x-access-token";

/// The user name GitLab wants beside a token.
const GITLAB_USER: &str = "oauth2";

/// The repository and how it is written to.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct Scm {
    /// `ske.scm.repoUrl`.
    pub(in crate::plugins::ske) remote: RemoteUrl,
    /// `ske.scm.branch`, default `main`.
    pub(in crate::plugins::ske) branch: BranchName,
    /// `ske.scm.path`, default the whole repository.
    pub(in crate::plugins::ske) path: FolderPath,
    /// `ske.scm.defaultAuthor`, default `SKE <ske@backstage.io>`.
    pub(in crate::plugins::ske) author: Identity,
    /// Who we are towards the server.
    pub(in crate::plugins::ske) login: Login,
    /// `stagedoor.ske.layout`, default `flat`.
    pub(in crate::plugins::ske) layout: Layout,
}

/// Where the credential comes from.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) enum Login {
    /// `ske.scm.token` with its user name.
    Given(Credentials),
    /// An App or token of the host's entry in `integrations.github`.
    Integration(Box<GitHubIntegration>),
    /// None: a repository on this machine that asks for none.
    Nobody,
}

/// `ske.scm.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    GitHub,
    GitLab,
}

impl Scm {
    /// Reads the section. A key that is missing or wrong is a problem, and so is that nothing says with which
    /// credential to push.
    pub(super) fn read(reader: &ConfigReader, problems: &mut Problems) -> Option<Self> {
        let remote = problems.of(remote(reader));
        let branch = problems.of(branch(reader));
        let path = problems.of(path(reader));
        let author = problems.of(author(reader));
        let layout = problems.of(layout(reader));
        let login = login(reader, remote.as_ref(), problems);
        Some(Self {
            remote: remote?,
            branch: branch?,
            path: path?,
            author: author?,
            login: login?,
            layout: layout?,
        })
    }

    /// What is in force after a reload: only the login follows, and only to the repository it is meant for.
    pub(in crate::plugins::ske) fn followed_by(&self, newer: Option<&Self>) -> Self {
        let newer = newer.filter(|newer| newer.remote == self.remote);
        Self {
            login: newer.map_or_else(|| self.login.clone(), |newer| newer.login.clone()),
            ..self.clone()
        }
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(one), Self::Given(other)) => {
                (&one.username, one.password.expose_secret())
                    == (&other.username, other.password.expose_secret())
            }
            (Self::Integration(one), Self::Integration(other)) => one == other,
            (Self::Nobody, Self::Nobody) => true,
            _ => false,
        }
    }
}

fn remote(reader: &ConfigReader) -> Result<RemoteUrl, ConfigError> {
    let key = "ske.scm.repoUrl";
    let text = match reader.missing_because(key) {
        Some(reason) => {
            let what = format!("is missing because {reason}");
            return Err(ConfigError::invalid(key, &what));
        }
        None => reader.string(key)?,
    };
    RemoteUrl::parse(&text).map_err(|problem| ConfigError::invalid(key, &problem.to_string()))
}

fn branch(reader: &ConfigReader) -> Result<BranchName, ConfigError> {
    let key = "ske.scm.branch";
    let name = reader.optional_string(key)?;
    let name = name.as_deref().unwrap_or("main");
    BranchName::parse(name).map_err(|problem| ConfigError::invalid(key, &problem.to_string()))
}

/// The empty path is the documented default, which the getter for strings would refuse.
fn path(reader: &ConfigReader) -> Result<FolderPath, ConfigError> {
    let key = "ske.scm.path";
    let text = match reader.get(key)? {
        Some(Value::String(text)) if text.is_empty() => text,
        _ => reader.optional_string(key)?.unwrap_or_default(),
    };
    FolderPath::parse(text.trim_matches('/')).map_err(|_| {
        let what =
            "must be a folder in the repository, without '..', '.git', backslashes or control characters";
        ConfigError::invalid(key, what)
    })
}

fn author(reader: &ConfigReader) -> Result<Identity, ConfigError> {
    let part = |key: &str, default: &str| {
        let text = reader.optional_string(key)?;
        let text = text.unwrap_or_else(|| default.to_owned());
        let unfit = |c: char| c.is_control() || matches!(c, '<' | '>');
        if text.trim().is_empty() || text.contains(unfit) {
            let what = "must not be blank, nor hold '<', '>' or control characters, which Git cannot record";
            return Err(ConfigError::invalid(key, what));
        }
        Ok(text)
    };
    let name = part("ske.scm.defaultAuthor.name", "SKE")?;
    let email = part("ske.scm.defaultAuthor.email", "ske@backstage.io")?;
    Identity::new(&name, &email)
        .map_err(|problem| ConfigError::invalid("ske.scm.defaultAuthor", &problem.to_string()))
}

fn layout(reader: &ConfigReader) -> Result<Layout, ConfigError> {
    match reader.optional_string(LAYOUT)?.as_deref() {
        None | Some("flat") => Ok(Layout::Flat),
        Some("nested") => Ok(Layout::Nested),
        Some(_) => Err(ConfigError::invalid(LAYOUT, "must be flat or nested")),
    }
}

fn login(reader: &ConfigReader, remote: Option<&RemoteUrl>, problems: &mut Problems) -> Option<Login> {
    let server = problems.of(server(reader));
    let username = problems.of(username(reader));
    let token = problems.of(reader.optional_secret("ske.scm.token"));
    let (server, username, remote) = (server?, username?, remote?);
    if let Some(password) = token? {
        return problems.of(given(server, username, password));
    }
    let instead = match integration(reader, remote, problems)? {
        Some(integration) => Login::Integration(Box::new(integration)),
        None if is_this_machine(remote) => Login::Nobody,
        None => {
            problems.refuse("ske.scm.token", &no_credential(reader, remote, server));
            return None;
        }
    };
    if let Some(reason) = reader.missing_because("ske.scm.token") {
        problems.notice(format!(
            "ske.scm.token is left out because {reason}; {}",
            match &instead {
                Login::Integration(integration) => format!(
                    "the credential of integrations.github for {} is used",
                    integration.host
                ),
                _ => "no credential is used".to_owned(),
            }
        ));
    }
    Some(instead)
}

fn given(
    server: Option<Server>,
    username: Option<String>,
    password: SecretString,
) -> Result<Login, ConfigError> {
    let username = match (username, server) {
        (Some(username), _) => username,
        (None, Some(Server::GitHub)) => GITHUB_USER.to_owned(),
        (None, Some(Server::GitLab)) => GITLAB_USER.to_owned(),
        (None, None) => {
            let what = "is missing; set it to github or gitlab, or give the user name in ske.scm.username";
            return Err(ConfigError::invalid("ske.scm.type", what));
        }
    };
    Ok(Login::Given(Credentials { username, password }))
}

fn no_credential(reader: &ConfigReader, remote: &RemoteUrl, server: Option<Server>) -> String {
    let why = match reader.missing_because("ske.scm.token") {
        Some(reason) => format!("is missing because {reason}"),
        None => "is missing".to_owned(),
    };
    let cure = match server {
        Some(Server::GitLab) => "give a token or password that may push".to_owned(),
        _ => format!(
            "give a token or password that may push, or an App in integrations.github for {}",
            remote.host()
        ),
    };
    format!("{why}; {cure}")
}

fn server(reader: &ConfigReader) -> Result<Option<Server>, ConfigError> {
    let key = "ske.scm.type";
    match reader.optional_string(key)?.as_deref() {
        None => Ok(None),
        Some("github") => Ok(Some(Server::GitHub)),
        Some("gitlab") => Ok(Some(Server::GitLab)),
        Some(_) => Err(ConfigError::invalid(
            key,
            "must be github or gitlab; for another server give ske.scm.username instead",
        )),
    }
}

fn username(reader: &ConfigReader) -> Result<Option<String>, ConfigError> {
    let key = "ske.scm.username";
    let name = reader.optional_string(key)?;
    if name
        .as_ref()
        .is_some_and(|name| name.contains(|c: char| c == ':' || c.is_control()))
    {
        return Err(ConfigError::invalid(
            key,
            "must hold neither ':' nor control characters",
        ));
    }
    Ok(name)
}

/// The host's entry of `integrations.github`, if it has a credential. The outer `None` means that it is wrong.
fn integration(
    reader: &ConfigReader,
    remote: &RemoteUrl,
    problems: &mut Problems,
) -> Option<Option<GitHubIntegration>> {
    let found = GitHubIntegration::for_host(reader, authority(remote), problems)?;
    Some(found.filter(|entry| entry.token.is_some() || !entry.apps.is_empty()))
}

/// Host and port, as `integrations` names a host.
fn authority(remote: &RemoteUrl) -> &str {
    let rest = remote.as_str().split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

impl Scm {
    /// The account the repository belongs to, by its address.
    pub(in crate::plugins::ske) fn owner(&self) -> &str {
        let rest = self
            .remote
            .as_str()
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        rest.split('/').nth(1).unwrap_or_default()
    }
}

/// Plain http is accepted for this machine alone.
fn is_this_machine(remote: &RemoteUrl) -> bool {
    remote.as_str().starts_with("http://")
}

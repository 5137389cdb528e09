//! The local kubeconfig: how a developer's machine reaches a cluster without any configuration of ours.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::{
    Config,
    client::{ConfigExt, middleware::AuthLayer},
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError as LibraryError},
};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::Environment,
    infra::http_client::{ClientCertificate, ClientError, HttpClients, Trust, keeps_secrets},
};

/// A kubeconfig and its current context.
#[derive(Debug)]
pub struct LocalKubeconfig {
    config: Config,
    url: Url,
}

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// It cannot be read, or its current context is broken.
    #[error("the kubeconfig '{}' cannot be used: {why}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without anything it holds.
        why: String,
    },
    /// The server's address is none.
    #[error(
        "the kubeconfig's current context names no usable server address: https, or http to this machine"
    )]
    Address,
    /// A client certificate or its key cannot be read.
    #[error("the kubeconfig's client certificate cannot be read")]
    ClientCertificate,
    /// Its user speaks for somebody else.
    #[error(
        "the kubeconfig's user impersonates somebody (as, as-groups), which is not supported; use a user with rights of \
         its own, or stagedoor.ske.impersonation"
    )]
    Impersonates,
    /// The way it authenticates cannot be used.
    #[error("the way the kubeconfig authenticates cannot be used")]
    Authentication(#[source] Box<kube::Error>),
    /// No client can be made of it.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl LocalKubeconfig {
    /// Finds the file: the first that exists of those in `KUBECONFIG` (which `kubectl` would merge), else
    /// `.kube/config` in the home folder.
    pub fn find(environment: &Environment) -> Option<PathBuf> {
        let separator = if cfg!(windows) { ';' } else { ':' };
        let listed = environment.get("KUBECONFIG").unwrap_or_default().split(separator);
        let listed = listed.filter(|path| !path.is_empty()).map(PathBuf::from);
        let home = environment
            .get("HOME")
            .map(|home| PathBuf::from(home).join(".kube/config"));
        listed.chain(home).find(|path| path.exists())
    }

    /// Reads the file's current context.
    ///
    /// # Errors
    /// It cannot be read or names no usable server.
    pub async fn read(path: PathBuf) -> Result<Self, KubeconfigError> {
        let unusable = |error: LibraryError| KubeconfigError::Unusable {
            path: path.clone(),
            why: why(&error),
        };
        let file = Kubeconfig::read_from(&path).map_err(unusable)?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(unusable)?;
        let url = Url::parse(&config.cluster_url.to_string()).ok();
        let url = url.filter(keeps_secrets);
        if impersonates(&config.auth_info) {
            return Err(KubeconfigError::Impersonates);
        }
        let url = url.ok_or(KubeconfigError::Address)?;
        Ok(Self { config, url })
    }

    /// The server's address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the file says to believe whoever answers.
    pub fn skips_verification(&self) -> bool {
        self.config.accept_invalid_certs
    }

    /// A client that trusts whom the file says, and shows no certificate.
    pub(super) fn open_client(&self, http: &HttpClients) -> Result<reqwest::Client, KubeconfigError> {
        Ok(http.for_server(&self.url, &self.trust(), None)?)
    }

    /// A client that trusts and shows what the file says.
    pub(super) fn client(&self, http: &HttpClients) -> Result<reqwest::Client, KubeconfigError> {
        let certificate = client_certificate(&self.config.auth_info)?;
        let certificate = certificate
            .as_ref()
            .map(|(chain, key)| ClientCertificate { chain, key });
        Ok(http.for_server(&self.url, &self.trust(), certificate)?)
    }

    /// The layer that adds the file's token, also one a helper program prints.
    pub(super) fn authentication(&self) -> Result<Option<AuthLayer>, KubeconfigError> {
        let layer = self.config.auth_layer();
        layer.map_err(|error| KubeconfigError::Authentication(Box::new(error)))
    }

    fn trust(&self) -> Trust {
        if self.config.accept_invalid_certs {
            return Trust::Anything;
        }
        match &self.config.root_cert {
            None => Trust::System,
            Some(certificates) => {
                Trust::Authorities(certificates.iter().map(|der| pem(der)).collect::<String>().into())
            }
        }
    }
}

/// The library's words, but for those that show the line of the file with whatever secret stands there.
fn why(error: &LibraryError) -> String {
    match error {
        LibraryError::Parse(_) => "it is not the YAML of a kubeconfig".to_owned(),
        other => other.to_string(),
    }
}

/// Whether the rights would be those of somebody else than the user; nobody may get more than the file gives.
fn impersonates(user: &AuthInfo) -> bool {
    user.impersonate.is_some()
        || user.impersonate_uid.is_some()
        || user.impersonate_groups.is_some()
        || user.impersonate_user_extra.is_some()
}

/// Chain and key, in PEM.
type Certificate = (Vec<u8>, Vec<u8>);

fn client_certificate(user: &AuthInfo) -> Result<Option<Certificate>, KubeconfigError> {
    let key_text = user
        .client_key_data
        .as_ref()
        .map(|key| key.expose_secret().to_owned());
    let chain = content(
        user.client_certificate_data.clone(),
        user.client_certificate.as_deref(),
    )?;
    let key = content(key_text, user.client_key.as_deref())?;
    Ok(chain.zip(key))
}

fn content(base64: Option<String>, path: Option<&str>) -> Result<Option<Vec<u8>>, KubeconfigError> {
    let read = match (base64, path) {
        (Some(text), _) => STANDARD.decode(text).ok(),
        (None, Some(path)) => std::fs::read(path).ok(),
        (None, None) => return Ok(None),
    };
    read.map(Some).ok_or(KubeconfigError::ClientCertificate)
}

/// The library hands out what we need as PEM in its inner form.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

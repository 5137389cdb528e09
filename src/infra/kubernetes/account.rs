//! The account of our own at a cluster, if we have one.

use std::path::PathBuf;

use http::HeaderMap;
use secrecy::SecretString;

use super::{
    error::{Cause, KubernetesError},
    identity::add_bearer,
};

/// Our own credential at a cluster.
#[derive(Debug, Clone)]
pub enum Account {
    /// None: every call needs somebody else's token.
    None,
    /// A token that was configured.
    Token(SecretString),
    /// A token in a file that is replaced as it expires; it is read for each call, as Backstage does.
    File(PathBuf),
    /// What a local kubeconfig says, added by the client library.
    Kubeconfig,
    /// The server knows us by itself, as `kubectl proxy` does.
    Implied,
}

impl Account {
    /// Whether calls can be made in our own name.
    pub fn exists(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Adds the credential to a call.
    pub(super) async fn add_to(&self, headers: &mut HeaderMap) -> Result<(), KubernetesError> {
        match self {
            Self::None => Err(KubernetesError::NoAccount),
            Self::Token(token) => add_bearer(headers, token).map_err(unusable),
            Self::File(path) => {
                let token = tokio::fs::read_to_string(path).await;
                let token = token.map_err(|source| KubernetesError::AccountUnreadable(Cause::new(source)))?;
                add_bearer(headers, &SecretString::from(token)).map_err(unusable)
            }
            Self::Kubeconfig | Self::Implied => Ok(()),
        }
    }
}

/// It is our own credential that is broken, not the caller's identity.
fn unusable(_: KubernetesError) -> KubernetesError {
    let what = "the token is empty or holds characters that no header can carry";
    KubernetesError::AccountUnreadable(Cause::new(std::io::Error::other(what)))
}

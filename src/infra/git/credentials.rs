//! Who we are towards a server. Who gives the credential decides how long it lives; here it only passes through.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// A user name and a password or token, for HTTP basic authentication.
#[derive(Clone)]
pub struct Credentials {
    /// Such as `x-access-token` (GitHub) or `oauth2` (GitLab).
    pub username: String,
    /// The password or token.
    pub password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Gives the credential for each connection; keeps and renews it as it sees fit.
pub trait CredentialSource: Send + Sync + 'static {
    /// Returns the credential to use now, or none for a repository that asks for none.
    ///
    /// `refused` is true when the server has just refused what this returned: then a kept token should be dropped.
    /// The error is a sentence for people that says what to do, without a secret.
    fn credentials(&self, refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>>;
}

/// The same credential for ever, or none.
#[derive(Debug, Clone, Default)]
pub struct FixedCredentials(pub Option<Credentials>);

impl CredentialSource for FixedCredentials {
    fn credentials(&self, _refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

/// A source that several users share.
pub type SharedCredentials = Arc<dyn CredentialSource>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_does_not_show_the_password() {
        let credentials = Credentials {
            username: "robot".to_owned(),
            password: SecretString::from("hunter2"),
        };
        let shown = format!("{:?}", FixedCredentials(Some(credentials)));
        assert!(shown.contains("robot") && !shown.contains("hunter2"), "{shown}");
    }
}

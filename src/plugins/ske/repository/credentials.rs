//! Who we are towards the Git server, as the configuration has it now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;

use crate::{
    config::Live,
    infra::{
        git::{CredentialSource, Credentials, FixedCredentials, SharedCredentials},
        http_client::HttpClients,
    },
    plugins::ske::config::{Config, Login, Scm},
};

/// Follows the configuration; a login that did not change keeps the tokens it has.
pub(in crate::plugins::ske) struct LiveCredentials {
    config: Live<Config>,
    http: HttpClients,
    held: ArcSwap<Held>,
}

struct Held {
    /// The configuration this was made from.
    read: Arc<Config>,
    /// What of it is in force.
    scm: Scm,
    source: SharedCredentials,
}

impl LiveCredentials {
    /// Takes the login of the configuration.
    pub(in crate::plugins::ske) fn new(scm: Scm, config: Live<Config>, http: HttpClients) -> Self {
        let held = Held {
            read: config.get(),
            source: source(&scm.login, &http),
            scm,
        };
        Self {
            config,
            http,
            held: ArcSwap::from_pointee(held),
        }
    }

    fn current(&self) -> SharedCredentials {
        let (held, changed) = (self.held.load_full(), self.config.get());
        if Arc::ptr_eq(&held.read, &changed) {
            return Arc::clone(&held.source);
        }
        // A credential for another repository is not shown to this one.
        let scm = held.scm.followed_by(changed.scm.as_ref());
        let source = if scm.login == held.scm.login {
            Arc::clone(&held.source)
        } else {
            source(&scm.login, &self.http)
        };
        let newer = Held {
            read: changed,
            scm,
            source: Arc::clone(&source),
        };
        self.held.store(Arc::new(newer));
        source
    }
}

impl CredentialSource for LiveCredentials {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        let source = self.current();
        Box::pin(async move { source.credentials(refused).await })
    }
}

fn source(login: &Login, _http: &HttpClients) -> SharedCredentials {
    Arc::new(FixedCredentials(match login {
        Login::Given(credentials) => Some(credentials.clone()),
        Login::Integration { .. } | Login::Nobody => None,
    }))
}

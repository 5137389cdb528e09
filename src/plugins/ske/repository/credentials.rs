//! Who we are towards the Git server, as the configuration has it now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use tracing::error;

use crate::{
    backstage::{integrations::GitHubCredentials, plugin::PluginEnv},
    config::Live,
    infra::git::{CredentialSource, Credentials, FixedCredentials, SharedCredentials},
    plugins::ske::config::{Config, Login, Scm},
};

/// Follows the configuration; a login that did not change keeps the tokens it has.
pub(in crate::plugins::ske) struct LiveCredentials {
    config: Live<Config>,
    env: PluginEnv,
    held: ArcSwap<Held>,
}

struct Held {
    /// The configuration as it was read last.
    read: Arc<Config>,
    /// What of it is in force.
    scm: Scm,
    source: SharedCredentials,
}

impl LiveCredentials {
    /// Takes the login of the configuration.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub(in crate::plugins::ske) fn new(
        scm: Scm,
        config: Live<Config>,
        env: PluginEnv,
    ) -> Result<Self, String> {
        let held = Held {
            read: config.get(),
            source: source(&scm, &env)?,
            scm,
        };
        Ok(Self {
            config,
            env,
            held: ArcSwap::from_pointee(held),
        })
    }

    fn current(&self) -> SharedCredentials {
        let (held, changed) = (self.held.load_full(), self.config.get());
        if Arc::ptr_eq(&held.read, &changed) {
            return Arc::clone(&held.source);
        }
        // A credential for another repository is not shown to this one.
        let scm = held.scm.followed_by(changed.scm.as_ref());
        let source = held.follow(&scm, &self.env);
        let newer = Held {
            read: changed,
            scm,
            source: Arc::clone(&source),
        };
        self.held.store(Arc::new(newer));
        source
    }
}

impl Held {
    fn follow(&self, scm: &Scm, env: &PluginEnv) -> SharedCredentials {
        if scm.login == self.scm.login {
            return Arc::clone(&self.source);
        }
        source(scm, env).unwrap_or_else(|problem| {
            error!(
                "The changed credential of the repository cannot be used, so the one before stays: {problem}"
            );
            Arc::clone(&self.source)
        })
    }
}

impl CredentialSource for LiveCredentials {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, Result<Option<Credentials>, String>> {
        let source = self.current();
        Box::pin(async move { source.credentials(refused).await })
    }
}

fn source(scm: &Scm, env: &PluginEnv) -> Result<SharedCredentials, String> {
    Ok(match &scm.login {
        Login::Given(credentials) => Arc::new(FixedCredentials(Some(credentials.clone()))),
        Login::Nobody => Arc::new(FixedCredentials(None)),
        Login::Integration(integration) => {
            let credentials = GitHubCredentials::new(integration, scm.owner(), &env.http, &env.tasks);
            Arc::new(credentials.map_err(|error| format!("ske.scm.repoUrl: {error}"))?)
        }
    })
}

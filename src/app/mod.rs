//! The composition root: shared clients and plugins become one service that can be served.

mod authorities;
mod away;
mod check;
mod data_folder;
mod front;
mod portal;
mod reload;
mod serve;
mod settings;
mod shared;
mod unknown_keys;

use std::{io, sync::Arc};

use self::{
    front::Front,
    portal::{View, lines::Lines},
    settings::Settings,
    shared::SharedSettings,
};
use crate::{
    backstage::{
        BackendBuilder, PluginEnv,
        auth::Clock,
        builder::Registration,
        discovery::Discovery,
        lifecycle::Lifecycle,
        root::{Root, Shared},
    },
    config::{ConfigError, ConfigReader, ConfigStore, Live, Written},
    infra::{http_client::ClientError, http_server::ListenAddress},
    plugins,
};

pub use self::{portal::Portal, settings::readiness_url};

/// What is said at the start when callers need no credentials.
const WITHOUT_POLICY: &str = "backend.auth.dangerouslyDisableDefaultAuthPolicy is true: whatever reaches this address acts \
    without credentials, runs and platform requests included. Remove it wherever others can reach the portal";

/// Stagedoor, ready to be served. Building binds nothing and asks no upstream.
pub struct App {
    settings: Settings,
    lifecycle: Lifecycle,
    root: Arc<Root>,
    registrations: Vec<Registration>,
    discovery: Live<Discovery>,
    warnings: Vec<String>,
    portal: Portal,
    env: PluginEnv,
    /// Set when we stand in front of a portal.
    front: Option<Arc<Front>>,
}

/// What the command line and the environment say besides the configuration.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Where to listen; wins over the configuration.
    pub listen: Option<String>,
    /// PEM files of further certificate authorities (`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`).
    pub ca_files: Vec<String>,
}

/// Why the service could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Everything that is wrong with the configuration.
    #[error("the configuration cannot be used")]
    Config(Vec<ConfigError>),
    /// The certificates or the HTTP library.
    #[error("{0}")]
    Client(#[from] ClientError),
}

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be bound.
    #[error("{0}")]
    Listen(String),
    /// A plugin could not start.
    #[error("{0}")]
    Plugin(String),
    /// The listener failed.
    #[error("the listener failed")]
    Io(#[from] io::Error),
}

impl App {
    /// Reads every section and puts the service together.
    ///
    /// # Errors
    /// Every problem of every section at once, or unusable certificates.
    pub fn build(store: ConfigStore, options: &StartOptions) -> Result<Self, StartError> {
        Self::build_with(store, options, plugins::register)
    }

    /// As `build`, with a list of plugins of the caller's own.
    pub fn build_with(
        store: ConfigStore,
        options: &StartOptions,
        register: impl FnOnce(BackendBuilder) -> BackendBuilder,
    ) -> Result<Self, StartError> {
        let reader = store.reader();
        let (registrations, mut problems) = register(BackendBuilder::new(reader.clone())).finish();
        let settings = keep(Settings::read(&reader, options.listen.as_deref()), &mut problems);
        let shared = SharedSettings::read(&store, options, &registrations);
        let shared = keep(shared, &mut problems);
        let (Some(mut settings), Some(shared), true) = (settings, shared, problems.is_empty()) else {
            return Err(StartError::Config(once(problems)));
        };
        let portal = Portal::of(&View::read(&reader, options.listen.as_deref()), &registrations);
        let mut warnings = warnings(&reader);
        let plugins = registrations
            .iter()
            .filter_map(|registration| registration.on.as_ref());
        warnings.extend(plugins.flat_map(|on| on.warnings.clone()));
        warnings.extend(ListenAddress::warning(&reader, options.listen.as_deref()));
        warnings.extend(settings.warning());
        warnings.extend(front::warning(&reader, settings.upstream.as_ref()));
        warnings.extend_from_slice(shared.database_notices());
        let default_policy_disabled = shared.default_policy_disabled();
        let env = shared.env(store)?;
        let discovery = env.discovery.clone();
        warnings.extend(default_policy_disabled.then(|| WITHOUT_POLICY.to_owned()));
        let lifecycle = Lifecycle::new(settings.lifecycle);
        let shared = Shared {
            lifecycle: lifecycle.clone(),
            authenticator: env.callers.clone(),
            default_policy_disabled,
            health_headers: settings.health_headers.clone(),
        };
        let root = Arc::new(Root::new(&registrations, shared));
        let front = Front::of(&settings, ids(&registrations, true), &env);
        let writer = Arc::clone(&root);
        settings.edge = settings
            .edge
            .with_refusal_body(move |refusal, path| writer.refusal_body(refusal, path));
        Ok(Self {
            settings,
            lifecycle,
            root,
            registrations,
            discovery,
            warnings: once(warnings),
            portal,
            env,
            front,
        })
    }

    /// The clock that tokens and keys go by; a test moves it.
    pub fn clock(&self) -> &Clock {
        self.env.tokens.clock()
    }

    /// What is legal in the configuration and probably not meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the portal finds what is on.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// Names the plugins and whether each is on.
    pub fn describe_plugins(&self) -> String {
        let describe = |registration: &Registration| {
            let state = if registration.on.is_some() { "on" } else { "off" };
            format!("{} ({state})", registration.id)
        };
        self.registrations
            .iter()
            .map(describe)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn warnings(reader: &ConfigReader) -> Vec<String> {
    let unknown = unknown_keys::find(reader).into_iter();
    unknown.chain(reader.left_out_notices()).collect()
}

/// Writes the lines that the portal's configuration still lacks; it need not be one that can be started with.
pub fn missing_lines(reader: &ConfigReader, written: &Written) -> String {
    let (registrations, _) = plugins::register(BackendBuilder::new(reader.clone())).finish();
    let on = registrations
        .iter()
        .filter(|registration| reader.has(registration.section));
    let ids = on.map(|registration| registration.id).collect();
    Lines::new(reader, written, ids).write()
}

/// Several readers of one key report the same.
fn once<T: PartialEq>(found: Vec<T>) -> Vec<T> {
    let mut once = Vec::with_capacity(found.len());
    for each in found {
        if !once.contains(&each) {
            once.push(each);
        }
    }
    once
}

/// The ids that are on, or off. One whose section is missing may still run in the Node backend, so it is not ours.
fn ids(registrations: &[Registration], on: bool) -> Vec<&'static str> {
    registrations
        .iter()
        .filter(|registration| registration.on.is_some() == on)
        .map(|registration| registration.id)
        .collect()
}

/// Keeps a value that was read, or its problems.
fn keep<T>(read: Result<T, Vec<ConfigError>>, problems: &mut Vec<ConfigError>) -> Option<T> {
    read.map_err(|mut found| problems.append(&mut found)).ok()
}

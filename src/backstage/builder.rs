//! Puts the plugins together: reads every section first, reports every problem at once, starts all or nothing.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    error::ErrorBody,
    plugin::{BackendPlugin, Check, InitError, Plugin, PluginEnv},
};
use crate::{
    config::{Apply, ConfigError, ConfigReader, Live},
    infra::http_server::RateLimiter,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Reads a changed configuration; nothing changes until the result is applied.
pub(crate) type Reload = Arc<dyn Fn(&ConfigReader) -> Result<Apply, Vec<ConfigError>> + Send + Sync>;

/// A plugin whose section has been read.
pub(crate) struct Registration {
    pub(crate) id: &'static str,
    pub(crate) section: &'static str,
    pub(crate) error_body: ErrorBody,
    /// The plugin's own limit, `backend.rateLimit.plugin.<id>`.
    pub(crate) rate_limiter: Option<RateLimiter>,
    /// `None` when the section is missing.
    pub(crate) on: Option<Switched>,
}

/// What can be done with a plugin whose section is present.
pub(crate) struct Switched {
    pub(crate) live_keys: &'static [&'static str],
    pub(crate) init: Box<dyn FnOnce(PluginEnv) -> Boxed<Result<Plugin, InitError>> + Send>,
    pub(crate) check: Box<dyn Fn(PluginEnv) -> Boxed<Vec<Check>> + Send + Sync>,
    pub(crate) reload: Reload,
}

/// Collects the plugins, in the shape of Backstage's own `backend.add(…)`.
pub struct BackendBuilder {
    reader: ConfigReader,
    registrations: Vec<Registration>,
    problems: Vec<ConfigError>,
}

impl BackendBuilder {
    /// Begins with no plugin.
    pub fn new(reader: ConfigReader) -> Self {
        Self {
            reader,
            registrations: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a plugin; it is on when its section is present.
    #[must_use]
    pub fn add<P: BackendPlugin>(mut self) -> Self {
        let on = self
            .section_present(P::CONFIG_SECTION)
            .then(|| P::config(&self.reader));
        let on = match on {
            None => None,
            Some(Ok(config)) => Some(switch_on::<P>(config)),
            Some(Err(problems)) => {
                self.problems.extend(problems);
                None
            }
        };
        let rate_limiter = self.rate_limiter(P::ID);
        self.registrations.push(Registration {
            id: P::ID,
            section: P::CONFIG_SECTION,
            error_body: P::error_body,
            rate_limiter,
            on,
        });
        self
    }

    /// Returns the plugins, or every problem of every section.
    pub(crate) fn finish(self) -> (Vec<Registration>, Vec<ConfigError>) {
        (self.registrations, self.problems)
    }

    fn rate_limiter(&mut self, plugin_id: &str) -> Option<RateLimiter> {
        let read = RateLimiter::for_plugin(&self.reader, plugin_id);
        read.map_err(|mut found| self.problems.append(&mut found))
            .ok()
            .flatten()
    }

    fn section_present(&mut self, section: &str) -> bool {
        match self.reader.optional_config(section) {
            Ok(found) => found.is_some(),
            Err(problem) => {
                self.problems.push(problem);
                false
            }
        }
    }
}

fn switch_on<P: BackendPlugin>(config: P::Config) -> Switched {
    let live = Live::new(config);
    let (for_init, for_check, for_reload) = (live.clone(), live.clone(), live);
    Switched {
        live_keys: P::LIVE_KEYS,
        init: Box::new(move |env| Box::pin(P::init(for_init, env))),
        check: Box::new(move |env| Box::pin(P::check(for_check.get(), env))),
        reload: Arc::new(move |reader| {
            let config = P::config(reader)?;
            let live: Live<P::Config> = for_reload.clone();
            Ok(Box::new(move || live.set(config)))
        }),
    }
}

//! Puts the plugins together: reads every section first, reports every problem at once, starts all or nothing.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    actions::{self, ActionSettings},
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
    /// What holds for the plugin's actions; `None` only beside problems.
    pub(crate) action_settings: Option<Live<ActionSettings>>,
    /// `None` when the section is missing.
    pub(crate) on: Option<Switched>,
}

/// What can be done with a plugin whose section is present.
pub(crate) struct Switched {
    pub(crate) warnings: Vec<String>,
    pub(crate) live_keys: Vec<&'static str>,
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
            Some(Ok(config)) => Some(config),
            Some(Err(problems)) => {
                self.problems.extend(problems);
                None
            }
        };
        let rate_limiter = self.rate_limiter(P::ID);
        let action_settings = self.action_settings(P::ID);
        let on = on
            .zip(action_settings.clone())
            .map(|(config, settings)| switch_on::<P>(&self.reader, config, settings));
        self.registrations.push(Registration {
            id: P::ID,
            section: P::CONFIG_SECTION,
            error_body: P::error_body,
            rate_limiter,
            action_settings,
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

    fn action_settings(&mut self, plugin_id: &str) -> Option<Live<ActionSettings>> {
        let read = ActionSettings::read(&self.reader, plugin_id);
        // The keys are the same for every plugin; one report is enough.
        read.map_err(|found| found.into_iter().for_each(|problem| self.report_once(problem)))
            .map(Live::new)
            .ok()
    }

    fn report_once(&mut self, problem: ConfigError) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
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

fn switch_on<P: BackendPlugin>(
    reader: &ConfigReader,
    config: P::Config,
    action_settings: Live<ActionSettings>,
) -> Switched {
    let live = Live::new(config);
    let (for_init, for_check, for_reload) = (live.clone(), live.clone(), live);
    Switched {
        warnings: P::warnings(reader),
        live_keys: [P::LIVE_KEYS, actions::LIVE_KEYS].concat(),
        init: Box::new(move |env| Box::pin(init::<P>(for_init, env))),
        check: Box::new(move |env| Box::pin(P::check(for_check.get(), env))),
        reload: Arc::new(move |reader| {
            let config = P::config(reader)?;
            let newer = ActionSettings::read(reader, P::ID)?;
            let (live, action_settings): (Live<P::Config>, _) = (for_reload.clone(), action_settings.clone());
            Ok(Box::new(move || {
                live.set(config);
                action_settings.set(newer);
            }))
        }),
    }
}

async fn init<P: BackendPlugin>(config: Live<P::Config>, env: PluginEnv) -> Result<Plugin, InitError> {
    let plugin = P::init(config, env).await?;
    match plugin.actions.faults() {
        faults if faults.is_empty() => Ok(plugin),
        faults => Err(InitError(format!(
            "its actions have faults: {}",
            faults.join("; ")
        ))),
    }
}

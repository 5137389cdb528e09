//! Sets logging up, and the handle to change it while it runs.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{Dispatch, callsite, warn};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{
    layer::{LineLayer, Shared},
    output::{self, QUEUED_LINES},
    panic,
    redaction::Redaction,
    settings::LogSettings,
};
use crate::config::{ConfigError, ConfigReader};

/// The environment variables that matter to logging, as they are.
#[derive(Debug, Clone, Default)]
pub struct LogEnvironment {
    /// `LOG_LEVEL`, which wins over `backend.logger.level`.
    pub log_level: Option<String>,
    /// `NODE_ENV`; `production` means JSON lines.
    pub node_env: Option<String>,
    /// `RUST_LOG`, a developer's filter, which wins over every level.
    pub rust_log: Option<String>,
}

impl LogEnvironment {
    /// Returns `RUST_LOG`; empty counts as unset, as for every other variable.
    pub(super) fn filter(&self) -> Option<&str> {
        self.rust_log.as_deref().filter(|text| !text.trim().is_empty())
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The configuration of logging is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<ConfigError>),
    /// `RUST_LOG` is not understood.
    #[error("RUST_LOG is not a filter such as stagedoor=debug")]
    Filter,
    /// Something else logs in this process already.
    #[error("logging was set up before")]
    Twice,
}

/// Keeps the log being written; changes what is logged. Dropping it writes the last lines.
#[derive(Debug)]
pub struct TelemetryGuard {
    shared: Shared,
    environment: LogEnvironment,
    is_terminal: bool,
    /// Only held: its drop flushes.
    _writer: Option<WorkerGuard>,
}

/// Logs to standard output from here on, for the whole process.
pub fn init(config: &ConfigReader, environment: LogEnvironment) -> Result<TelemetryGuard, TelemetryError> {
    let is_terminal = io::stdout().is_terminal();
    let output = output::queued(io::stdout(), QUEUED_LINES);
    let (dispatch, mut guard) = build(config, environment, is_terminal, output.writer)?;
    output.losses.report_to(&dispatch);
    dispatch.try_init().map_err(|_| TelemetryError::Twice)?;
    guard._writer = Some(output.flusher);
    panic::log_from_now_on();
    Ok(guard)
}

/// Builds the same logging over another writer, without installing it.
pub fn build<W>(
    config: &ConfigReader,
    environment: LogEnvironment,
    is_terminal: bool,
    writer: W,
) -> Result<(Dispatch, TelemetryGuard), TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let settings = LogSettings::read(config, &environment, is_terminal).map_err(TelemetryError::Config)?;
    let filter = match environment.filter() {
        Some(text) => Some(EnvFilter::try_new(text).map_err(|_| TelemetryError::Filter)?),
        None => None,
    };
    let shared = Shared {
        settings: Arc::new(ArcSwap::from_pointee(settings)),
        redaction: Redaction::default(),
    };
    let layer = LineLayer {
        shared: shared.clone(),
        writer,
    };
    let subscriber = tracing_subscriber::registry().with(layer).with(filter);
    let guard = TelemetryGuard {
        shared,
        environment,
        is_terminal,
        _writer: None,
    };
    Ok((Dispatch::new(subscriber), guard))
}

impl TelemetryGuard {
    /// Masks these values in every line from now on, besides those given before.
    pub fn redact(&self, secrets: &[String]) {
        if !self.shared.redaction.add(secrets) {
            warn!("Too many secrets to mask in the log; those known before stay masked");
        }
    }

    /// Follows a changed configuration; a wrong one changes nothing.
    pub fn follow(&self, config: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        let settings = LogSettings::read(config, &self.environment, self.is_terminal)?;
        self.shared.settings.store(Arc::new(settings));
        // Which events are of interest is remembered per place in the code.
        callsite::rebuild_interest_cache();
        Ok(())
    }
}

//! Sets logging up, and the handle to change it while it runs.

use std::{
    io::{self, BufWriter, IsTerminal as _},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{Dispatch, callsite, warn};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{
    layer::{LineLayer, Shared},
    redaction::Redaction,
    settings::LogSettings,
};
use crate::config::{ConfigError, ConfigReader};

/// Lines that may wait for standard output. When a slow reader fills it, requests wait rather than lines get lost.
const QUEUED_LINES: usize = 8192;

/// Bytes gathered before they are written; the writer also writes whenever it has caught up.
const WRITE_BUFFER: usize = 64 * 1024;

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
    let stdout = BufWriter::with_capacity(WRITE_BUFFER, io::stdout());
    let (writer, flusher) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(QUEUED_LINES)
        .thread_name("log")
        .finish(stdout);
    let (dispatch, mut guard) = build(config, environment, is_terminal, writer)?;
    dispatch.try_init().map_err(|_| TelemetryError::Twice)?;
    guard._writer = Some(flusher);
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
    let filter = match &environment.rust_log {
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
    /// Masks these values in every line from now on, instead of those given before.
    pub fn redact(&self, secrets: &[String]) {
        if !self.shared.redaction.set(secrets) {
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

//! `stagedoor serve`: reads the configuration and serves until told to stop.

use std::{process::ExitCode, sync::Arc};

use tracing::warn;

use super::{Opened, ServeArgs, fail, refuse};
use crate::{
    app::{App, StartError},
    config::{Environment, every_secret},
    shutdown,
    telemetry::{self, TelemetryError, TelemetryGuard},
};

/// Runs the service.
pub(super) async fn run(args: ServeArgs, environment: Environment) -> ExitCode {
    let opened = match args.config.open(environment).await {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    let log = match log_of(&opened) {
        Ok(log) => log,
        Err(code) => return code,
    };
    follow(&opened, &log);
    let options = opened.start_options(args.listen);
    match App::build(opened.store, &options) {
        Ok(app) => serve(app).await,
        Err(StartError::Config(problems)) => refuse(&problems),
        Err(error) => fail(&error.to_string()),
    }
}

async fn serve(app: App) -> ExitCode {
    match app.serve(shutdown::signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Starts logging, with every secret of the configuration masked.
pub(super) fn log_of(opened: &Opened) -> Result<Arc<TelemetryGuard>, ExitCode> {
    let reader = opened.store.reader();
    let log = telemetry::init(&reader, opened.log_environment()).map_err(|error| match error {
        TelemetryError::Config(problems) => refuse(&problems),
        other => fail(&other.to_string()),
    })?;
    log.redact(&every_secret(&reader, &opened.environment));
    Ok(Arc::new(log))
}

/// Log levels and masked secrets follow the configuration.
fn follow(opened: &Opened, log: &Arc<TelemetryGuard>) {
    let (log, environment) = (Arc::clone(log), opened.environment.clone());
    opened.store.on_change(&["backend.logger"], move |reader| {
        // Also those of a configuration that is refused: what refuses it may have tried them.
        log.redact(&every_secret(reader, &environment));
        let (log, reader) = (Arc::clone(&log), reader.clone());
        Ok(Box::new(move || {
            if let Err(problems) = log.follow(&reader) {
                problems.iter().for_each(|problem| warn!("{problem}"));
            }
        }))
    });
}

//! `stagedoor serve`: reads the configuration and serves until told to stop.

use std::{process::ExitCode, sync::Arc};

use tracing::warn;

use super::{Opened, ServeArgs, fail, refuse};
use crate::{
    app::{App, StartError},
    config::{self, ConfigReader, ConfigStore, Environment},
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
    follow(&opened.store, &log);
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
    mask(&log, &reader);
    Ok(Arc::new(log))
}

fn mask(log: &TelemetryGuard, reader: &ConfigReader) {
    if let Ok(Some(all)) = reader.get("") {
        log.redact(&config::secret_values(&all));
    }
}

/// Log levels and masked secrets follow the configuration.
fn follow(store: &ConfigStore, log: &Arc<TelemetryGuard>) {
    let log = Arc::clone(log);
    store.on_change(&["backend.logger"], move |reader| {
        let (log, reader) = (Arc::clone(&log), reader.clone());
        Ok(Box::new(move || {
            mask(&log, &reader);
            if let Err(problems) = log.follow(&reader) {
                problems.iter().for_each(|problem| warn!("{problem}"));
            }
        }))
    });
}

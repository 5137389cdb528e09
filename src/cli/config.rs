//! `stagedoor config print` and `config check`.

use std::process::ExitCode;

use super::{ConfigArgs, Format, PrintArgs, fail, output, refuse};
use crate::{
    app::{App, StartError, missing_lines},
    config::{self, Environment, Object, Value, Written},
};

/// Prints the merged configuration; secrets are replaced unless asked for.
pub(super) async fn print(args: PrintArgs, environment: Environment) -> ExitCode {
    let opened = match args.config.open(environment).await {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    let merged = match opened.store.reader().get("") {
        Ok(merged) => merged.unwrap_or(Value::Object(Object::new())),
        Err(problem) => return refuse(&[problem]),
    };
    let shown = if args.show_secrets {
        merged
    } else {
        config::redacted_within(&merged, &opened.environment)
    };
    let format = match args.format {
        Format::Json => config::Format::Json,
        Format::Yaml => config::Format::Yaml,
    };
    match config::render(&shown, format) {
        Ok(text) => {
            output::verbatim(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Validates the sections this binary owns and tells every problem.
pub(super) async fn check(args: ConfigArgs, environment: Environment) -> ExitCode {
    let opened = match args.open(environment).await {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    match App::build(opened.store.clone(), &opened.start_options(None)) {
        Ok(app) => {
            let replaced = opened.store.reader().replaced();
            let warnings = app
                .warnings()
                .iter()
                .chain(&app.portal().warnings)
                .chain(&replaced);
            warnings.for_each(|warning| output::line(&format!("warning: {warning}")));
            let states = app.portal().on.iter().chain(&app.portal().off);
            states.for_each(|state| output::line(&format!("note: {state}")));
            output::line(&format!(
                "The configuration is sound. Plugins: {}",
                app.describe_plugins()
            ));
            ExitCode::SUCCESS
        }
        Err(StartError::Config(problems)) => refuse(&problems),
        Err(error) => fail(&error.to_string()),
    }
}

/// Prints the lines that the portal's configuration still lacks.
pub(super) async fn lines(args: ConfigArgs, environment: Environment) -> ExitCode {
    let (opened, options) = match (args.open(environment.clone()).await, args.options(&environment)) {
        (Ok(opened), Ok(options)) => (opened, options),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    match Written::read(&options).await {
        Ok(written) => {
            output::verbatim(&missing_lines(&opened.store.reader(), &written));
            ExitCode::SUCCESS
        }
        Err(problem) => refuse(&[problem]),
    }
}

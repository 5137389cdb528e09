//! `stagedoor check`: tries every upstream with the real credentials and says what to do about each failure.

use std::process::ExitCode;

use super::{ConfigArgs, fail, output, refuse};
use crate::{
    app::{App, StartError},
    backstage::Check,
    config::Environment,
};

/// Runs the checks, prints a line each and fails when one failed.
pub(super) async fn run(args: ConfigArgs, environment: Environment) -> ExitCode {
    let opened = match args.open(environment).await {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    let app = match App::build(opened.store.clone(), &opened.start_options(None)) {
        Ok(app) => app,
        Err(StartError::Config(problems)) => return refuse(&problems),
        Err(error) => return fail(&error.to_string()),
    };
    let (portal, warnings) = (app.portal(), app.warnings());
    portal
        .on
        .iter()
        .for_each(|state| output::line(&format!("note    {state}")));
    let warnings = warnings.iter().chain(&portal.warnings);
    warnings.for_each(|warning| output::line(&format!("warning {warning}")));
    let checks = app.check().await;
    for check in &checks {
        output::line(&describe(check));
    }
    let failed = checks.iter().filter(|check| check.outcome.is_err()).count();
    match failed {
        0 => ExitCode::SUCCESS,
        _ => fail(&format!("{failed} of {} checks failed", checks.len())),
    }
}

fn describe(check: &Check) -> String {
    match &check.outcome {
        Ok(seen) => format!("ok      {}: {seen}", check.name),
        Err(cure) => format!("FAILED  {}: {cure}", check.name),
    }
}

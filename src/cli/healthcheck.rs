//! `stagedoor healthcheck`: the container's own probe, so that the image needs no shell and no curl.

use std::{process::ExitCode, time::Duration};

use super::{ServeArgs, fail, output, refuse};
use crate::{app, config::Environment};

/// Container health checks default to 30 s; an answer that takes longer than this is not healthy.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks the configured listen address whether it is ready.
pub(super) async fn run(args: ServeArgs, environment: Environment) -> ExitCode {
    let opened = match args.config.open(environment).await {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    let url = match app::readiness_url(&opened.store.reader(), args.listen.as_deref()) {
        Ok(url) => url,
        Err(problems) => return refuse(&problems),
    };
    // The question goes to this machine and carries nothing, so any certificate will do, a self-signed one above all.
    let client = reqwest::Client::builder()
        .no_proxy()
        .danger_accept_invalid_certs(true)
        .timeout(LIMIT)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return fail(&error.to_string()),
    };
    match client.get(url.clone()).send().await {
        Ok(response) if response.status().is_success() => {
            output::line("ready");
            ExitCode::SUCCESS
        }
        Ok(response) => fail(&format!("not ready: {url} answered {}", response.status())),
        Err(_) => fail(&format!("not ready: {url} does not answer")),
    }
}

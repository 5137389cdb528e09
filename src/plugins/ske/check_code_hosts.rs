//! `stagedoor check`: each repository of `stagedoor.ske.repositories`, with the credential that would write to it.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{config::Config, domain::Writable};
use crate::backstage::{
    integrations::{Access, CodeHosts, Rights},
    plugin::{Check, PluginEnv},
};

/// Time for all of them together; whoever runs the command waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// Repositories looked at side by side; the code hosts ask not to be asked for many at once.
const AT_ONCE: usize = 4;

/// Looks at each, changes nothing.
pub(super) async fn run(config: &Config, env: &PluginEnv) -> Vec<Check> {
    let hosts = CodeHosts::new(config.integrations.clone(), &env.http, &env.tasks);
    let end = Instant::now() + LIMIT;
    let entries = config.repositories.clone().into_iter().enumerate();
    let looks = entries.map(|entry| look(hosts.clone(), entry, end));
    stream::iter(looks).buffered(AT_ONCE).collect().await
}

async fn look(hosts: CodeHosts, (index, entry): (usize, Writable), end: Instant) -> Check {
    let outcome = match timeout_at(end, hosts.access(&entry.address)).await {
        Ok(Ok(access)) => told(&entry, &access),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "{} was not looked at within {} seconds",
            entry.address,
            LIMIT.as_secs()
        )),
    };
    let outcome = outcome.map_err(|problem| format!("stagedoor.ske.repositories[{index}]: {problem}"));
    Check::new(format!("SKE repositories[{index}]"), outcome)
}

fn told(entry: &Writable, access: &Access) -> Result<String, String> {
    let (address, credential) = (&entry.address, &access.credential);
    let may = match &access.rights {
        Rights::Write => "may write",
        Rights::Untold => "what it may write there is not told",
        Rights::Missing(what) => return Err(format!("{credential} reaches {address}, but {what}")),
    };
    let default = match &access.default_branch {
        Some(branch) => format!("its default branch is '{branch}'"),
        None => "it is empty and needs a first commit".to_owned(),
    };
    Ok(format!(
        "{address} answers, {credential} was accepted, {may}; {default}"
    ))
}

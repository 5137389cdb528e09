//! `stagedoor check`: TLS, login, who we are and what the key may do, one line each.

use super::{client::SpaceliftClient, error::SpaceliftError};
use crate::backstage::plugin::Check;

/// Most stacks that a line names.
const NAMED: usize = 10;

/// Tries the account with the real credentials. Stops at the first failure: what follows would only repeat it.
pub(super) async fn run(client: &SpaceliftClient, encrypted: bool) -> Vec<Check> {
    match client.log_in().await {
        Err(error) if before_login(&error) => {
            vec![Check::new("Spacelift connection", Err(error.to_string()))]
        }
        Err(error) => vec![
            connected(encrypted),
            Check::new("Spacelift login", Err(with_reason(&error))),
        ],
        Ok(()) => {
            let login = Check::new("Spacelift login", Ok("the API key was accepted".into()));
            let mut lines = vec![connected(encrypted), login];
            lines.extend(list(client).await);
            lines.extend(schema(client));
            lines
        }
    }
}

/// What Spacelift itself said is for the log and for the operator who runs the check, not for callers.
fn with_reason(error: &SpaceliftError) -> String {
    match error.said() {
        Some(said) => format!("{error}. {said}"),
        None => error.to_string(),
    }
}

/// The list as the page gets it, then what the key may do.
async fn list(client: &SpaceliftClient) -> Vec<Check> {
    let sorted = match client.stacks().await {
        Ok(sorted) => sorted,
        Err(error) => return vec![Check::new("Spacelift stacks", Err(error.to_string()))],
    };
    let mut lines = access(client).await;
    let odd: Vec<_> = sorted.odd.iter().take(NAMED).map(ToString::to_string).collect();
    if !odd.is_empty() {
        let count = sorted.odd.len();
        let told = format!("{count} left out of the list: {}", odd.join("; "));
        lines.push(Check::new("Spacelift stacks", Err(told)));
    }
    lines
}

/// What this Spacelift was found to lack on the way here.
fn schema(client: &SpaceliftClient) -> Option<Check> {
    let lacks = client.lacks();
    let told = format!("older or newer than Stagedoor knows it: {}", lacks.join("; "));
    (!lacks.is_empty()).then(|| Check::new("Spacelift schema", Ok(told)))
}

async fn access(client: &SpaceliftClient) -> Vec<Check> {
    match client.access().await {
        Err(error) => vec![Check::new("Spacelift stacks", Err(error.to_string()))],
        Ok((viewer, stacks)) => {
            let who =
                viewer.map(|viewer| Check::new("Spacelift viewer", Ok(format!("signed in as {viewer}"))));
            let seen = Check::new("Spacelift stacks", Ok(seen(&stacks)));
            who.into_iter().chain([seen]).collect()
        }
    }
}

fn seen(stacks: &[Option<bool>]) -> String {
    let known: Vec<bool> = stacks.iter().copied().flatten().collect();
    let writable = known.iter().filter(|writable| **writable).count();
    match (stacks.len(), writable) {
        (0, _) => "the key sees no stack; give its role access to a space".to_owned(),
        (all, _) if known.is_empty() => {
            format!("{all} visible; this Spacelift does not tell which of them take runs from this key")
        }
        (all, 0) => format!("{all} visible, none takes a run from this key; its role can only read"),
        (all, writable) => format!("{all} visible, {writable} of them take runs from this key"),
    }
}

fn connected(encrypted: bool) -> Check {
    let how = if encrypted {
        "the certificate is trusted"
    } else {
        "plain http to this machine"
    };
    Check::new("Spacelift connection", Ok(how.into()))
}

/// Whether the failure is one of the connection rather than of the key.
fn before_login(error: &SpaceliftError) -> bool {
    use SpaceliftError as E;
    matches!(
        error,
        E::Unreachable(_) | E::Untrusted(_) | E::TlsRefused(_) | E::Interrupted { .. } | E::Slow { .. }
    )
}

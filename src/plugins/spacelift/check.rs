//! `stagedoor check`: TLS, login, who we are and what the key may do, one line each.

use super::{client::SpaceliftClient, error::SpaceliftError};
use crate::backstage::plugin::Check;

/// Tries the account with the real credentials. Stops at the first failure: what follows would only repeat it.
pub(super) async fn run(client: &SpaceliftClient, encrypted: bool) -> Vec<Check> {
    match client.log_in().await {
        Err(error) if before_login(&error) => {
            vec![Check::new("Spacelift connection", Err(error.to_string()))]
        }
        Err(error) => vec![
            connected(encrypted),
            Check::new("Spacelift login", Err(error.to_string())),
        ],
        Ok(()) => {
            let login = Check::new("Spacelift login", Ok("the API key was accepted".into()));
            let mut lines = vec![connected(encrypted), login];
            lines.extend(access(client).await);
            lines
        }
    }
}

async fn access(client: &SpaceliftClient) -> Vec<Check> {
    match client.access().await {
        Err(error) => vec![Check::new("Spacelift stacks", Err(error.to_string()))],
        Ok((viewer, stacks)) => {
            let writable = stacks.iter().filter(|writable| **writable).count();
            let seen = match (stacks.len(), writable) {
                (0, _) => "the key sees no stack; give its role access to a space".to_owned(),
                (all, 0) => format!("{all} visible, none takes a run from this key; its role can only read"),
                (all, writable) => format!("{all} visible, {writable} of them take runs from this key"),
            };
            vec![
                Check::new("Spacelift viewer", Ok(format!("signed in as {viewer}"))),
                Check::new("Spacelift stacks", Ok(seen)),
            ]
        }
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

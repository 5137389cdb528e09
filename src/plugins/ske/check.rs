//! `stagedoor check`: the cluster, who we are there, and what we may do.

use super::{
    clusters::{Clusters, Connected},
    config::Config,
    domain::Known,
    error::SkeError,
    offered,
    session::judges,
};
use crate::{
    backstage::plugin::Check,
    infra::kubernetes::{Cluster, Identity, KubernetesError},
};

/// What is said where only a person's sign-in would answer.
const NEEDS_USER: &str =
    "skipped: needs a user, because the cluster is configured without a credential of our own";

/// Where the rights are written down, ready for `kubectl`.
const RIGHTS: &str = "docs/KUBERNETES.md";

/// An entity reference that stands for any user.
const SOMEBODY: &str = "user:default/guest";

/// What any user may own through; looked at with `groupsFrom: ownership` only.
const SOME_GROUP: &str = "group:default/guests";

/// Tries the cluster in our own name. Stops at the first failure: what follows would only repeat it.
pub(super) async fn run(clusters: &Clusters) -> Vec<Check> {
    let connected = clusters.current().await;
    let cluster = &connected.platform.cluster;
    if !cluster.has_account() {
        return vec![without_account(cluster).await];
    }
    match cluster.version(&Identity::Account).await {
        Err(error) => vec![Check::new("SKE cluster", Err(sentence(cluster, error)))],
        Ok(version) => {
            let seen = format!("'{}' answers, version {version}", cluster.name());
            let mut lines = vec![Check::new("SKE cluster", Ok(seen))];
            lines.extend(rights(&connected).await);
            lines
        }
    }
}

/// Without a credential only the connection can be tried; that the server asks for one is the answer hoped for.
async fn without_account(cluster: &Cluster) -> Check {
    let nobody = Identity::Token("none".to_owned().into());
    let outcome = match cluster.version(&nobody).await {
        Ok(_) | Err(KubernetesError::Unauthenticated | KubernetesError::Refused(_)) => {
            Ok(format!("'{}' answers; all else is {NEEDS_USER}", cluster.name()))
        }
        Err(error) => Err(sentence(cluster, error)),
    };
    Check::new("SKE cluster", outcome)
}

async fn rights(connected: &Connected) -> Vec<Check> {
    let cluster = &connected.platform.cluster;
    let account = match cluster.who_am_i(&Identity::Account).await {
        Ok(subject) => Ok(format!("signed in as {}", subject.user)),
        Err(error) => Err(sentence(cluster, error)),
    };
    let mut lines = vec![Check::new("SKE account", account), promises(connected).await];
    lines.extend(impersonation(connected).await);
    lines
}

/// What is said where no Promise opens anything, and nothing else does.
fn closed(config: &Config, kinds: usize) -> &'static str {
    let judged = judges(config) && !config.mode.writes_git();
    match kinds == 0 && config.allow.is_none() && !judged {
        true => {
            "; so no other object can be read or written yet: install them, or list kinds in stagedoor.ske.allow"
        }
        false => "",
    }
}

async fn promises(connected: &Connected) -> Check {
    let config = &connected.config;
    let cluster = &connected.platform.cluster;
    let outcome = match offered::count(cluster).await {
        Ok((promises, kinds)) => Ok(format!(
            "{promises} may be read, they offer {kinds} kinds{}",
            closed(config, kinds)
        )),
        Err(KubernetesError::NotServed) => Err(
            "the cluster serves no Promises; install Kratix there, or name the platform cluster in \
             ske.kubernetes.platformName"
                .to_owned(),
        ),
        Err(error) if !is_forbidden(&error) => Err(sentence(cluster, error)),
        Err(error) => may_not_list(connected, &sentence(cluster, error)),
    };
    Check::new("SKE Promises", outcome)
}

fn is_forbidden(error: &KubernetesError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.code == 403)
}

/// Promises are listed only where what they offer decides what may be touched.
fn may_not_list(connected: &Connected, refusal: &str) -> Result<String, String> {
    let config = &connected.config;
    if config.allow.is_none() && (!judges(config) || config.mode.writes_git()) {
        return Err(format!(
            "{refusal}; grant the account the verb list on promises in group platform.kratix.io ({RIGHTS}), or say in \
             stagedoor.ske.allow what may be touched"
        ));
    }
    Ok("served; our account may not list them, and need not".to_owned())
}

/// Asks the cluster whether our account may speak for somebody whom the templates make of a user.
async fn impersonation(connected: &Connected) -> Option<Check> {
    let rules = connected.config.impersonation.as_ref()?;
    let known = Known {
        annotation: Some("guest"),
        ownership: &[SOME_GROUP.to_owned()],
    };
    let outcome = match rules.render(SOMEBODY, known) {
        Err(problem) => Err(problem.to_string()),
        Ok(somebody) => {
            let users = std::iter::once(("users", &somebody.user));
            let groups = somebody.groups.iter().map(|group| ("groups", group));
            may_speak_for(&connected.platform.cluster, users.chain(groups)).await
        }
    };
    Some(Check::new("SKE impersonation", outcome))
}

async fn may_speak_for<'a>(
    cluster: &Cluster,
    names: impl Iterator<Item = (&'static str, &'a String)>,
) -> Result<String, String> {
    let mut allowed = Vec::new();
    for (what, name) in names {
        match cluster.may_impersonate(what, name).await {
            Ok(true) => allowed.push(format!("'{name}'")),
            Ok(false) => {
                return Err(format!(
                    "the account may not speak for '{name}' ({what}); grant it the verb impersonate on {what} in a \
                     ClusterRole ({RIGHTS})"
                ));
            }
            Err(error) => return Err(sentence(cluster, error)),
        }
    }
    Ok(format!("the account may speak for {}", allowed.join(", ")))
}

/// Says where the catalog reads recorded requests. The secret in the address is not shown.
pub(super) fn feed(config: &Config) -> Check {
    let outcome = match &config.pending.feed_secret {
        Some(_) => {
            "at /api/ske/catalog/<stagedoor.ske.pendingRequests.feedSecret>/pending-requests.yaml; the portal reads it as a \
             location of type url, and needs our host in backend.reading.allow"
        }
        None => {
            "off; set stagedoor.ske.pendingRequests.feedSecret, such as the output of 'openssl rand -hex 24', to let \
             the catalog show them"
        }
    };
    Check::new("Feed of pending requests", Ok(outcome.to_owned()))
}

fn sentence(cluster: &Cluster, error: KubernetesError) -> String {
    SkeError::cluster(cluster, false, error).to_string()
}

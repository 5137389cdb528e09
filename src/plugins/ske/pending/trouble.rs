//! What keeps a round from its work: whether going on would be in vain, and what of it was told already.

use std::collections::HashMap;

use parking_lot::Mutex;
use tracing::{info, warn};

use super::Pending;
use crate::{
    backstage::integrations::{GitHubError, HostError},
    infra::{database::DatabaseError, kubernetes::KubernetesError},
    plugins::ske::{error::SkeError, repository::RepositoryError},
};

/// What goes wrong round after round, by what it is wrong with.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<HashMap<String, String>>);

impl Troubles {
    /// Notes what is wrong; says whether it is another thing than the last time, and so worth telling.
    pub(super) fn is_news(&self, with: &str, trouble: &str) -> bool {
        let last = self.0.lock().insert(with.to_owned(), trouble.to_owned());
        last.is_none_or(|last| last != trouble)
    }

    /// Notes that nothing is wrong; says whether something was.
    pub(super) fn is_over(&self, with: &str) -> bool {
        self.0.lock().remove(with).is_some()
    }
}

impl Pending {
    /// Tells how rounds of that name go on: a database that stays away is told once, and that it is back as well.
    pub(super) fn tell_round(&self, name: &str, outcome: Result<(), DatabaseError>) {
        match outcome {
            Err(error) if self.troubles.is_news(name, &error.to_string()) => {
                warn!(reason = %error, "Pending requests cannot be looked after");
            }
            Ok(()) if self.troubles.is_over(name) => info!("Pending requests are looked after again"),
            _ => {}
        }
    }
}

/// Whether the platform as a whole could not be looked at, so that each further look would wait as long for nothing.
pub(super) fn is_outage(error: &SkeError) -> bool {
    use KubernetesError as K;
    match error {
        SkeError::Cluster { trouble, .. } => matches!(
            trouble.error,
            K::Unreachable(_) | K::Untrusted(..) | K::TlsRefused(_) | K::Slow(_) | K::Unauthenticated
        ),
        SkeError::Repository(error) => {
            matches!(error, RepositoryError::Git(_) | RepositoryError::Slow(_))
        }
        _ => false,
    }
}

/// Whether a code host as a whole does not answer.
pub(super) fn is_silence(error: &HostError) -> bool {
    matches!(
        error,
        HostError::Unreachable { .. }
            | HostError::TimedOut { .. }
            | HostError::GitHub(GitHubError::Unreachable { .. } | GitHubError::TimedOut { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_when_it_begins_when_it_changes_and_when_it_comes_back() {
        let troubles = Troubles::default();
        assert!(!troubles.is_over("a"));
        assert!(troubles.is_news("a", "slow") && troubles.is_news("b", "slow"));
        assert!(!troubles.is_news("a", "slow"));
        assert!(troubles.is_news("a", "away"));
        assert!(troubles.is_over("a") && !troubles.is_over("a"));
        assert!(troubles.is_news("a", "away") && !troubles.is_news("b", "slow"));
    }
}

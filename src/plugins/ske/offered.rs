//! The kinds that installed Promises offer, which is what may be touched where nobody judges the portal's user.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::infra::kubernetes::{Cluster, Identity, Kind, KubernetesError};

/// How long a kind stays touchable after its Promise is gone.
const FRESH: Duration = Duration::from_secs(60);

/// How long a miss is believed, so that wrong requests do not list all Promises each time.
const MISS_HOLDS: Duration = Duration::from_secs(1);

/// Group and kind.
type Kinds = HashSet<(String, String)>;

/// What Promises offered when we last looked.
#[derive(Default)]
pub(super) struct Offered {
    known: ArcSwapOption<Known>,
    /// One look for all who wait.
    looking: Mutex<()>,
}

struct Known {
    kinds: Kinds,
    asked: Instant,
}

/// How Promises are served (Kratix, `platform.kratix.io/v1alpha1`).
pub(super) fn promise_kind() -> Kind {
    Kind {
        group: "platform.kratix.io".to_owned(),
        version: "v1alpha1".to_owned(),
        kind: "Promise".to_owned(),
    }
}

impl Offered {
    /// Whether an installed Promise offers the kind; looks again before it says no.
    ///
    /// Asks in our own name: what is touchable must not depend on who asks.
    ///
    /// # Errors
    /// The failure of the look. What is not known is not open.
    pub(super) async fn includes(
        &self,
        cluster: &Cluster,
        group: &str,
        kind: &str,
    ) -> Result<bool, KubernetesError> {
        let wanted = (group.to_owned(), kind.to_owned());
        if let Some(said) = self.known_within(&wanted) {
            return Ok(said);
        }
        let _one_look = self.looking.lock().await;
        if let Some(said) = self.known_within(&wanted) {
            return Ok(said);
        }
        let kinds = look(cluster).await?;
        let said = kinds.contains(&wanted);
        let asked = Instant::now();
        self.known.store(Some(Arc::new(Known { kinds, asked })));
        Ok(said)
    }

    /// The answer from memory, when it is fresh enough for what it says.
    fn known_within(&self, wanted: &(String, String)) -> Option<bool> {
        let known = self.known.load_full()?;
        let said = known.kinds.contains(wanted);
        let limit = if said { FRESH } else { MISS_HOLDS };
        (known.asked.elapsed() < limit).then_some(said)
    }
}

async fn look(cluster: &Cluster) -> Result<Kinds, KubernetesError> {
    let promises = match cluster.resource(&Identity::Account, &promise_kind()).await {
        // Kratix is not installed, so nothing is offered.
        Err(KubernetesError::NotServed) => return Ok(Kinds::new()),
        promises => promises?,
    };
    let mut kinds = Kinds::new();
    let each = |promise: &Value| kinds.extend(offered_by(promise));
    cluster.list(&Identity::Account, &promises, each).await?;
    Ok(kinds)
}

/// Number of Promises and of kinds they offer, for `check`.
pub(super) async fn count(cluster: &Cluster) -> Result<(usize, usize), KubernetesError> {
    let promises = cluster.resource(&Identity::Account, &promise_kind()).await?;
    let (mut count, mut kinds) = (0, Kinds::new());
    let each = |promise: &Value| {
        count += 1;
        kinds.extend(offered_by(promise));
    };
    cluster.list(&Identity::Account, &promises, each).await?;
    Ok((count, kinds.len()))
}

/// Each Promise holds the definition of its request kind in `spec.api`.
fn offered_by(promise: &Value) -> Option<(String, String)> {
    let definition = &promise["spec"]["api"]["spec"];
    let group = definition["group"].as_str()?;
    let kind = definition["names"]["kind"].as_str()?;
    Some((group.to_owned(), kind.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_promise_without_an_api_offers_nothing() {
        let api = json!({"spec": {"group": "example.com", "names": {"kind": "Database"}}});
        let offered = offered_by(&json!({"spec": {"api": api}}));
        assert_eq!(offered, Some(("example.com".to_owned(), "Database".to_owned())));
        for promise in [json!({"spec": {}}), json!({"spec": {"api": "text"}}), json!({})] {
            assert_eq!(offered_by(&promise), None, "{promise}");
        }
    }
}

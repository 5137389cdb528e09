//! The kinds that installed Promises offer, which is what may be touched where nobody judges the portal's user.

use std::{
    collections::HashSet,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use crate::infra::kubernetes::{Cluster, Identity, Kind, KubernetesError};

/// How long a kind stays touchable after its Promise is gone.
const FRESH: Duration = Duration::from_secs(60);

/// How long a miss is believed, so that wrong requests do not list all Promises each time.
const MISS_HOLDS: Duration = Duration::from_secs(5);

/// How long a failure answers all who waited for the same look, so that they do not wait one after the other.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// How long one look may take, over all its pages, and so how long anybody waits for one.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// Group and kind.
type Kinds = HashSet<(String, String)>;

/// What Promises offered when we last looked.
#[derive(Default)]
pub(super) struct Offered {
    known: ArcSwapOption<Known>,
    failed: ArcSwapOption<Failed>,
    /// One look for all who wait.
    looking: Mutex<()>,
}

struct Known {
    kinds: Kinds,
    begun: Instant,
    ended: Instant,
}

struct Failed {
    error: KubernetesError,
    at: Instant,
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
        self.answer(&wanted, || async {
            let looked = timeout(LOOK_LIMIT, look(cluster)).await;
            looked.unwrap_or(Err(KubernetesError::Slow(LOOK_LIMIT)))
        })
        .await
    }

    async fn answer<F>(
        &self,
        wanted: &(String, String),
        look: impl FnOnce() -> F,
    ) -> Result<bool, KubernetesError>
    where
        F: Future<Output = Result<Kinds, KubernetesError>>,
    {
        if let Some(said) = self.remembered(wanted, Instant::now()) {
            return said;
        }
        let _one_look = self.looking.lock().await;
        if let Some(said) = self.remembered(wanted, Instant::now()) {
            return said;
        }
        let begun = Instant::now();
        let looked = look().await;
        self.remember(looked, begun, Instant::now())
            .map(|kinds| kinds.contains(wanted))
    }

    /// The answer from memory, when it is fresh enough for what it says.
    fn remembered(&self, wanted: &(String, String), now: Instant) -> Option<Result<bool, KubernetesError>> {
        if let Some(known) = self.known.load_full() {
            let offers = known.kinds.contains(wanted);
            if offers && now.duration_since(known.begun) < FRESH {
                return Some(Ok(true));
            }
            if !offers && now.duration_since(known.ended) < MISS_HOLDS {
                return Some(Ok(false));
            }
        }
        let failed = self.failed.load_full()?;
        (now.duration_since(failed.at) < FAILURE_HOLDS).then(|| Err(failed.error.clone()))
    }

    fn remember(
        &self,
        looked: Result<Kinds, KubernetesError>,
        begun: Instant,
        ended: Instant,
    ) -> Result<Kinds, KubernetesError> {
        match &looked {
            Ok(kinds) => {
                let kinds = kinds.clone();
                self.known.store(Some(Arc::new(Known { kinds, begun, ended })));
                self.failed.store(None);
            }
            Err(error) => {
                let error = error.clone();
                self.failed.store(Some(Arc::new(Failed { error, at: ended })));
            }
        }
        looked
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
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

    fn database() -> (String, String) {
        ("example.com".to_owned(), "Database".to_owned())
    }

    /// What was asked at the beginning of the given look, so many seconds later.
    fn later(looked: Result<Kinds, KubernetesError>, seconds: f32) -> Option<Result<bool, KubernetesError>> {
        let (offered, begun) = (Offered::default(), Instant::now());
        let _ = offered.remember(looked, begun, begun);
        offered.remembered(&database(), begun + Duration::from_secs_f32(seconds))
    }

    #[test]
    fn a_kind_stays_open_for_at_most_a_minute_after_its_promise_is_gone() {
        let offered = || Ok(Kinds::from([database()]));
        assert!(matches!(later(offered(), 59.9), Some(Ok(true))));
        assert!(later(offered(), 60.1).is_none());
    }

    #[test]
    fn a_kind_that_was_missed_is_looked_for_again_after_five_seconds() {
        assert!(matches!(later(Ok(Kinds::new()), 4.9), Some(Ok(false))));
        assert!(later(Ok(Kinds::new()), 5.1).is_none());
        let slow = || Err(KubernetesError::Slow(Duration::from_secs(15)));
        assert!(matches!(later(slow(), 0.9), Some(Err(_))));
        assert!(later(slow(), 1.1).is_none());
    }

    #[tokio::test]
    async fn one_look_answers_all_who_wait_for_it_also_when_it_fails() {
        let (offered, looks, wanted) = (Offered::default(), AtomicUsize::new(0), database());
        let look = || async {
            looks.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(KubernetesError::Slow(Duration::from_secs(15)))
        };
        let answers = join_all((0..50).map(|_| offered.answer(&wanted, look))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failing_look_closes_nothing_that_is_known_to_be_open() {
        let (offered, wanted) = (Offered::default(), database());
        let offers = || async { Ok(Kinds::from([database()])) };
        assert!(offered.answer(&wanted, offers).await.unwrap());
        tokio::time::sleep(MISS_HOLDS).await;
        let other = ("example.com".to_owned(), "Other".to_owned());
        let fails = || async { Err(KubernetesError::Slow(Duration::from_secs(15))) };
        assert!(offered.answer(&other, fails).await.is_err());
        assert!(offered.answer(&wanted, fails).await.unwrap());
    }
}

//! The kinds that installed Promises offer, which is what may be touched where no API server judges the portal's user, and
//! whether a Promise is on its way out and takes its requests with it.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
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

/// How long one look may take, over all its pages, and so how long a caller waits for one.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// A Promise that offers a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    promise: String,
    /// Whether it was being deleted when we looked.
    leaving: bool,
}

/// By group and kind, who offers them; more than one Promise may claim to.
type Kinds = HashMap<(String, String), Vec<Offer>>;

/// What a Promise that is looked at for a write is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// No Promise offers the kind.
    Unoffered,
    /// One does.
    Stands,
    /// This one is being deleted.
    Leaving(String),
}

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
    /// Whether an installed Promise offers the group and kind; looks again before it says no.
    ///
    /// To be asked in our own name, or where there is none as the caller: what may be touched is the same for all.
    ///
    /// # Errors
    /// The failure of the look. What is not known is not open.
    pub(super) async fn includes(
        &self,
        (cluster, identity): (&Cluster, &Identity),
        (group, kind): (&str, &str),
    ) -> Result<bool, KubernetesError> {
        let wanted = (group.to_owned(), kind.to_owned());
        let offers = self.offers_to(&wanted, (cluster, identity)).await?;
        Ok(!offers.is_empty())
    }

    /// Who offers the kind at this moment: what is remembered tells whom to look at, and not how it is.
    ///
    /// # Errors
    /// The failure of the look.
    pub(super) async fn standing(
        &self,
        (cluster, identity): (&Cluster, &Identity),
        (group, kind): (&str, &str),
    ) -> Result<Standing, KubernetesError> {
        let wanted = (group.to_owned(), kind.to_owned());
        let begun = Instant::now();
        let offers = self.offers_to(&wanted, (cluster, identity)).await?;
        if offers.is_empty() || self.looked_since(begun) {
            return Ok(standing(&offers));
        }
        let mut now = Vec::new();
        for offer in &offers {
            now.extend(look_at(cluster, identity, &offer.promise).await?);
        }
        if now.len() == offers.len() {
            return Ok(standing(&now));
        }
        // One of them is gone, and another may have come.
        let begun = Instant::now();
        let kinds = look(cluster, identity).await?;
        let kinds = self.remember(Ok(kinds), begun, Instant::now())?;
        Ok(standing(&of(&kinds, &wanted)))
    }

    async fn offers_to(
        &self,
        wanted: &(String, String),
        (cluster, identity): (&Cluster, &Identity),
    ) -> Result<Vec<Offer>, KubernetesError> {
        match identity {
            Identity::Account => self.offers(wanted, || look(cluster, identity)).await,
            // Whether a person may list Promises says nothing of the next one.
            _ => self.offers_seen_by(wanted, || look(cluster, identity)).await,
        }
    }

    fn looked_since(&self, begun: Instant) -> bool {
        let known = self.known.load_full();
        known.is_some_and(|known| known.begun >= begun)
    }

    async fn offers_seen_by<F>(
        &self,
        wanted: &(String, String),
        look: impl FnOnce() -> F,
    ) -> Result<Vec<Offer>, KubernetesError>
    where
        F: Future<Output = Result<Kinds, KubernetesError>>,
    {
        if let Some(offers) = self.known_now(wanted, Instant::now()) {
            return Ok(offers);
        }
        let begun = Instant::now();
        let kinds = look().await?;
        self.remember(Ok(kinds), begun, Instant::now())
            .map(|kinds| of(&kinds, wanted))
    }

    async fn offers<F>(
        &self,
        wanted: &(String, String),
        look: impl FnOnce() -> F,
    ) -> Result<Vec<Offer>, KubernetesError>
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
            .map(|kinds| of(&kinds, wanted))
    }

    /// The answer from memory, when it is fresh enough for what it says.
    fn remembered(
        &self,
        wanted: &(String, String),
        now: Instant,
    ) -> Option<Result<Vec<Offer>, KubernetesError>> {
        if let Some(offers) = self.known_now(wanted, now) {
            return Some(Ok(offers));
        }
        let failed = self.failed.load_full()?;
        (now.duration_since(failed.at) < FAILURE_HOLDS).then(|| Err(failed.error.clone()))
    }

    fn known_now(&self, wanted: &(String, String), now: Instant) -> Option<Vec<Offer>> {
        let known = self.known.load_full()?;
        let offers = of(&known.kinds, wanted);
        let is_fresh = if offers.is_empty() {
            now.duration_since(known.ended) < MISS_HOLDS
        } else {
            now.duration_since(known.begun) < FRESH
        };
        is_fresh.then_some(offers)
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

fn of(kinds: &Kinds, wanted: &(String, String)) -> Vec<Offer> {
    kinds.get(wanted).cloned().unwrap_or_default()
}

/// One that leaves takes the kind's definition with it, whichever other Promise offers the kind.
fn standing(offers: &[Offer]) -> Standing {
    match offers.iter().find(|offer| offer.leaving) {
        Some(offer) => Standing::Leaving(offer.promise.clone()),
        None if offers.is_empty() => Standing::Unoffered,
        None => Standing::Stands,
    }
}

async fn look(cluster: &Cluster, identity: &Identity) -> Result<Kinds, KubernetesError> {
    let looked = timeout(LOOK_LIMIT, look_at_all(cluster, identity)).await;
    looked.unwrap_or(Err(KubernetesError::Slow(LOOK_LIMIT)))
}

async fn look_at_all(cluster: &Cluster, identity: &Identity) -> Result<Kinds, KubernetesError> {
    let promises = match cluster.resource(identity, &promise_kind()).await {
        // Kratix is not installed, so nothing is offered.
        Err(KubernetesError::NotServed) => return Ok(Kinds::new()),
        promises => promises?,
    };
    let mut kinds = Kinds::new();
    let each = |promise: &Value| add(&mut kinds, promise);
    cluster.list(identity, (&promises, None), each).await?;
    Ok(kinds)
}

/// One Promise as it is now, if it is there. A list of one takes the right to list alone.
async fn look_at(
    cluster: &Cluster,
    identity: &Identity,
    promise: &str,
) -> Result<Option<Offer>, KubernetesError> {
    let promises = match cluster.resource(identity, &promise_kind()).await {
        Err(KubernetesError::NotServed) => return Ok(None),
        promises => promises?,
    };
    let mut found = None;
    let each = |one: &Value| {
        if one["metadata"]["name"] == promise {
            found = Some(offer(one));
        }
    };
    cluster.list(identity, (&promises, Some(promise)), each).await?;
    Ok(found)
}

/// Number of Promises and of kinds they offer, for `check`.
pub(super) async fn count(cluster: &Cluster) -> Result<(usize, usize), KubernetesError> {
    let promises = cluster.resource(&Identity::Account, &promise_kind()).await?;
    let (mut count, mut kinds) = (0, Kinds::new());
    let each = |promise: &Value| {
        count += 1;
        add(&mut kinds, promise);
    };
    cluster.list(&Identity::Account, (&promises, None), each).await?;
    Ok((count, kinds.len()))
}

fn add(kinds: &mut Kinds, promise: &Value) {
    if let Some(kind) = offered_by(promise) {
        kinds.entry(kind).or_default().push(offer(promise));
    }
}

fn offer(promise: &Value) -> Offer {
    let metadata = &promise["metadata"];
    Offer {
        promise: metadata["name"].as_str().unwrap_or_default().to_owned(),
        leaving: !metadata["deletionTimestamp"].is_null(),
    }
}

/// Each Promise holds the definition of its request kind in `spec.api`.
fn offered_by(promise: &Value) -> Option<(String, String)> {
    let definition = &promise["spec"]["api"]["spec"];
    let group = definition["group"].as_str()?;
    let kind = definition["names"]["kind"].as_str()?;
    Some((group.to_owned(), kind.to_owned()))
}

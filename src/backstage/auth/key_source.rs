//! One published key document: fetched when needed, kept ten minutes, asked again for a key it did not have.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use url::Url;

use super::{
    clock::Clock,
    key_fetch,
    key_set::KeySet,
    look_ups::{Asking, LookUps, Newcomers},
    outage::{Outage, shown},
    refusal::Refusal,
    token::Jwt,
};
use crate::infra::{http_client::HttpClients, single_flight::SingleFlight, tasks::Tasks};

/// How long a document is believed without asking again; Backstage's value, and so the longest a withdrawn key lives.
const FRESH_FOR: Duration = Duration::from_secs(10 * 60);

/// From this age on a document in use is fetched in the background, so that nobody waits while its owner is well.
const REFRESH_FROM: Duration = Duration::from_secs(8 * 60);

/// What a document says that verifies nothing.
const NO_KEY: &str = "it holds no key that can be used";

/// What every source needs from the world. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) http: HttpClients,
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
    pub(super) newcomers: Newcomers,
}

/// A key document and its cache.
#[derive(Debug)]
pub(super) struct KeySource {
    url: Url,
    surroundings: Surroundings,
    vouched_for: AtomicBool,
    outage: Outage,
    /// Apart from the rest, because every request with a remembered token looks at it.
    document: ArcSwapOption<Document>,
    state: Mutex<State>,
    flight: SingleFlight<Result<(), Refusal>>,
    /// A look for an unknown key, apart so that its outcome never answers for an ordinary fetch.
    forced_flight: SingleFlight<Result<(), Refusal>>,
}

#[derive(Debug)]
struct State {
    look_ups: LookUps,
    last_used: Instant,
}

/// Why a fetch is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// There is no believed document.
    Needed,
    /// The believed document grows old.
    Aging,
    /// A token names a key the document lacks.
    UnknownKey,
}

#[derive(Debug)]
struct Document {
    keys: KeySet,
    fetched_at: Instant,
    /// Raised when a key was withdrawn or replaced.
    generation: u64,
}

/// That a token was verified with a document as it was then.
#[derive(Debug, Clone)]
pub(super) struct KeyUse {
    source: Arc<KeySource>,
    generation: u64,
}

impl KeyUse {
    /// Whether the document is still believed and no key has left it since.
    pub(super) fn still_holds(&self, now: Instant) -> bool {
        let document = self.source.document.load();
        let Some(document) = document.as_ref().filter(|document| document.is_fresh(now)) else {
            return false;
        };
        self.source.refresh_ahead(document, now);
        document.generation == self.generation
    }
}

impl Document {
    fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.fetched_at)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < FRESH_FOR
    }
}

impl KeySource {
    /// A source that has not been asked yet; the log names it by the key that says where it is.
    pub(super) fn new(url: Url, key: &str, surroundings: Surroundings) -> Self {
        let state = State {
            look_ups: LookUps::new(),
            last_used: surroundings.clock.instant(),
        };
        Self {
            outage: Outage::of(key, &url),
            url,
            vouched_for: AtomicBool::new(false),
            document: ArcSwapOption::empty(),
            state: Mutex::new(state),
            flight: SingleFlight::new(surroundings.tasks.clone()),
            forced_flight: SingleFlight::new(surroundings.tasks.clone()),
            surroundings,
        }
    }

    /// Notes that the configuration names this source, so that its failures are forgotten soon.
    pub(super) fn vouch(&self) {
        self.vouched_for.store(true, Ordering::Relaxed);
    }

    /// Whether the configuration names this source.
    pub(super) fn is_vouched_for(&self) -> bool {
        self.vouched_for.load(Ordering::Relaxed)
    }

    /// Whether the document was had at least once.
    pub(super) fn was_ever_loaded(&self) -> bool {
        self.document.load().is_some()
    }

    /// When a token last asked for this document.
    pub(super) fn last_used(&self) -> Instant {
        self.state.lock().last_used
    }

    /// Makes sure there is a believed document.
    pub(super) async fn load(self: &Arc<Self>, client: Option<IpAddr>) -> Result<(), Refusal> {
        self.current(client).await.map(|_| ())
    }

    /// Sees whether the document has changed; what cannot be had stays as it is.
    pub(super) async fn look_again(self: &Arc<Self>) {
        let _ = self.fetch(Reason::UnknownKey, None).await;
    }

    /// Verifies the token's signature; an unknown key is looked for once more, within the budget.
    pub(super) async fn verify(self: &Arc<Self>, jwt: &Jwt<'_>) -> Result<KeyUse, Refusal> {
        let document = self.current(jwt.client()).await?;
        match document.keys.verify(jwt) {
            Err(Refusal::NoMatchingKey) => {
                let newer = self.newer_than(&document, jwt.client()).await?;
                newer.keys.verify(jwt).map(|()| self.used(&newer))
            }
            verdict => verdict.map(|()| self.used(&document)),
        }
    }

    fn used(self: &Arc<Self>, document: &Document) -> KeyUse {
        KeyUse {
            source: Arc::clone(self),
            generation: document.generation,
        }
    }

    async fn current(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Arc<Document>, Refusal> {
        let now = self.surroundings.clock.instant();
        self.state.lock().last_used = now;
        let document = self.document.load_full();
        if let Some(document) = document.filter(|document| document.is_fresh(now)) {
            self.refresh_ahead(&document, now);
            return Ok(document);
        }
        self.fetch(Reason::Needed, client).await?;
        let document = self.document.load_full();
        document
            .filter(|document| document.is_fresh(now))
            .ok_or_else(|| self.lost())
    }

    /// Begins a fetch in the background when the document grows old; nobody waits for it.
    fn refresh_ahead(self: &Arc<Self>, document: &Document, now: Instant) {
        if document.age(now) >= REFRESH_FROM && self.state.lock().look_ups.may_refresh(now) {
            self.flight.begin(0, || self.call(Reason::Aging, None));
        }
    }

    /// Returns the document after one more look, or the same one when the budget is used up.
    async fn newer_than(
        self: &Arc<Self>,
        seen: &Document,
        client: Option<IpAddr>,
    ) -> Result<Arc<Document>, Refusal> {
        let newest = self.document.load_full();
        if let Some(document) = newest.filter(|newest| newest.fetched_at != seen.fetched_at) {
            return Ok(document);
        }
        // What we have stays good for other keys when this look fails.
        let _ = self.fetch(Reason::UnknownKey, client).await;
        self.document.load_full().ok_or_else(|| self.lost())
    }

    /// Joins the fetch under way or begins one, if one is allowed.
    async fn fetch(self: &Arc<Self>, reason: Reason, client: Option<IpAddr>) -> Result<(), Refusal> {
        let flight = match reason {
            Reason::Needed | Reason::Aging => &self.flight,
            Reason::UnknownKey => &self.forced_flight,
        };
        match flight.run(0, || self.call(reason, client)).await {
            Some(outcome) => outcome,
            None => Err(self.lost()),
        }
    }

    fn call(
        self: &Arc<Self>,
        reason: Reason,
        client: Option<IpAddr>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + 'static {
        let source = Arc::clone(self);
        let now = source.surroundings.clock.instant();
        let allowed = source.allows(reason, source.asking(client, now));
        async move {
            match allowed {
                Ok(true) => source.fetch_now(reason, client, now).await,
                Ok(false) => Ok(()),
                Err(remembered) => Err(remembered),
            }
        }
    }

    fn asking(&self, client: Option<IpAddr>, now: Instant) -> Asking<'_> {
        Asking {
            now,
            client,
            stranger: (!self.is_in_use()).then_some(&self.surroundings.newcomers),
        }
    }

    /// Whether it is known to be needed: the configuration names it, or it had keys.
    fn is_in_use(&self) -> bool {
        self.is_vouched_for() || self.was_ever_loaded()
    }

    fn allows(&self, reason: Reason, asking: Asking<'_>) -> Result<bool, Refusal> {
        let (now, document) = (asking.now, self.document.load());
        let look_ups = &mut self.state.lock().look_ups;
        match reason {
            Reason::Aging => {
                let aging = |document: &Arc<Document>| document.age(now) >= REFRESH_FROM;
                Ok(document.as_ref().is_some_and(aging) && look_ups.may_refresh(now))
            }
            // Another fetch may have ended meanwhile.
            Reason::Needed if document.as_ref().is_some_and(|document| document.is_fresh(now)) => Ok(false),
            Reason::Needed => look_ups.admit_needed(asking).map(|()| true),
            Reason::UnknownKey => {
                look_ups.may_force(document.as_ref().map(|document| document.fetched_at), asking)
            }
        }
    }

    async fn fetch_now(&self, reason: Reason, client: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        let outcome = key_fetch::key_set(&self.surroundings.http, &self.url).await;
        let mut state = self.state.lock();
        match outcome {
            Ok(keys) => {
                state.look_ups.succeeded();
                match keys.is_empty() {
                    true => self.outage.begins(NO_KEY),
                    false => self.outage.is_over(),
                }
                self.store(keys, now);
                Ok(())
            }
            Err(why) => {
                if self.is_in_use() {
                    self.outage.begins(&why);
                }
                let refusal = self.unavailable(why);
                let (forced, asking) = (reason == Reason::UnknownKey, self.asking(client, now));
                state.look_ups.failed(forced, asking, refusal.clone());
                Err(refusal)
            }
        }
    }

    /// Publishes a document, unless one that was asked for later is already there. The state must be locked.
    fn store(&self, keys: KeySet, fetched_at: Instant) {
        let before = self.document.load_full();
        self.warn_of_skipped(before.as_deref(), &keys);
        let generation = match &before {
            Some(before) if before.fetched_at > fetched_at => return,
            None => 0,
            Some(before) if keys.holds_all_of(&before.keys) => before.generation,
            Some(before) => before.generation + 1,
        };
        self.document.store(Some(Arc::new(Document {
            keys,
            fetched_at,
            generation,
        })));
    }

    /// Says once per document which keys cannot be used; the others work.
    fn warn_of_skipped(&self, before: Option<&Document>, keys: &KeySet) {
        let before = before.map(|document| &document.keys.skipped);
        if !keys.skipped.is_empty() && before != Some(&keys.skipped) {
            let address = shown(&self.url);
            tracing::warn!(
                address,
                "Tokens signed with these published keys are refused: {}",
                keys.skipped.join("; ")
            );
        }
    }

    fn lost(&self) -> Refusal {
        self.unavailable("the look-up was cut off; the next request tries again".to_owned())
    }

    fn unavailable(&self, reason: String) -> Refusal {
        Refusal::KeyDocument {
            address: shown(&self.url),
            reason,
        }
    }
}

//! One published key document: fetched when needed, kept ten minutes, asked again for a key it did not have.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use url::Url;

use super::{clock::Clock, key_fetch, key_set::KeySet, refusal::Refusal, token::Jwt};
use crate::infra::{http_client::HttpClients, single_flight::SingleFlight, tasks::Tasks};

/// How long a document is believed without asking again; Backstage's value, and so the longest a withdrawn key lives.
const FRESH_FOR: Duration = Duration::from_secs(10 * 60);

/// A key id nobody knows is worth a new look this long after the last one; Backstage's value.
const COOLDOWN: Duration = Duration::from_secs(30);

/// Looks within the cooldown, because a restarted backend signs with a new key at once; Backstage's value.
const FORCED_BUDGET: usize = 10;

/// The span of the budget above; together they bound what a stranger can make us ask.
const FORCED_WINDOW: Duration = Duration::from_secs(60);

/// How long a failure answers for the next callers: long enough to stop a storm, short enough to heal.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(30);

/// What every source needs from the world. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) http: HttpClients,
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
}

/// A key document and its cache.
#[derive(Debug)]
pub(super) struct KeySource {
    url: Url,
    surroundings: Surroundings,
    state: Mutex<State>,
    flight: SingleFlight<Result<(), Refusal>>,
}

#[derive(Debug)]
struct State {
    document: Option<Document>,
    failed: Option<(Instant, Refusal)>,
    forced: VecDeque<Instant>,
    last_used: Instant,
}

#[derive(Debug, Clone)]
struct Document {
    keys: Arc<KeySet>,
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
    pub(super) fn still_holds(&self) -> bool {
        let now = self.source.surroundings.clock.instant();
        let state = self.source.state.lock();
        state
            .fresh(now)
            .is_some_and(|document| document.generation == self.generation)
    }
}

impl KeySource {
    /// A source that has not been asked yet.
    pub(super) fn new(url: Url, surroundings: Surroundings) -> Self {
        let state = State {
            document: None,
            failed: None,
            forced: VecDeque::new(),
            last_used: surroundings.clock.instant(),
        };
        Self {
            url,
            state: Mutex::new(state),
            flight: SingleFlight::new(surroundings.tasks.clone()),
            surroundings,
        }
    }

    /// Whether the document was had at least once.
    pub(super) fn was_ever_loaded(&self) -> bool {
        self.state.lock().document.is_some()
    }

    /// When a token last asked for this document.
    pub(super) fn last_used(&self) -> Instant {
        self.state.lock().last_used
    }

    /// Makes sure there is a believed document.
    pub(super) async fn load(self: &Arc<Self>) -> Result<(), Refusal> {
        self.current().await.map(|_| ())
    }

    /// Verifies the token's signature; an unknown key is looked for once more, within the budget.
    pub(super) async fn verify(self: &Arc<Self>, jwt: &Jwt<'_>) -> Result<KeyUse, Refusal> {
        let document = self.current().await?;
        match document.keys.verify(jwt) {
            Err(Refusal::NoMatchingKey) => {
                let newer = self.newer_than(&document).await?;
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

    async fn current(self: &Arc<Self>) -> Result<Document, Refusal> {
        let now = self.surroundings.clock.instant();
        {
            let mut state = self.state.lock();
            state.last_used = now;
            if let Some(document) = state.fresh(now) {
                return Ok(document.clone());
            }
        }
        self.fetch(State::may_fetch).await?;
        let document = self.state.lock().document.clone();
        document.ok_or_else(|| self.lost())
    }

    /// Returns the document after one more look, or the same one when the budget is used up.
    async fn newer_than(self: &Arc<Self>, seen: &Document) -> Result<Document, Refusal> {
        let already_newer = |document: &Document| document.fetched_at != seen.fetched_at;
        let newest = self.state.lock().document.clone();
        if let Some(document) = newest.filter(already_newer) {
            return Ok(document);
        }
        // What we have stays good for other keys when this look fails.
        let _ = self.fetch(State::may_force).await;
        self.state.lock().document.clone().ok_or_else(|| self.lost())
    }

    /// Joins the fetch under way or begins one, if `allowed` says so.
    async fn fetch(
        self: &Arc<Self>,
        allowed: fn(&mut State, Instant) -> Result<bool, Refusal>,
    ) -> Result<(), Refusal> {
        let source = Arc::clone(self);
        let begin = move || {
            let now = source.surroundings.clock.instant();
            let allowed = allowed(&mut source.state.lock(), now);
            async move {
                match allowed {
                    Ok(true) => source.fetch_now(now).await,
                    Ok(false) => Ok(()),
                    Err(remembered) => Err(remembered),
                }
            }
        };
        match self.flight.run(0, begin).await {
            Some(outcome) => outcome,
            None => Err(self.lost()),
        }
    }

    async fn fetch_now(&self, now: Instant) -> Result<(), Refusal> {
        let outcome = key_fetch::key_set(&self.surroundings.http, &self.url).await;
        let mut state = self.state.lock();
        match outcome {
            Ok(keys) => {
                state.failed = None;
                self.warn_of_skipped(&state, &keys);
                state.store(keys, now);
                Ok(())
            }
            Err(reason) => {
                let refusal = self.unavailable(reason);
                state.failed = Some((now, refusal.clone()));
                Err(refusal)
            }
        }
    }

    /// Says once per document which keys cannot be used; the others work.
    fn warn_of_skipped(&self, state: &State, keys: &KeySet) {
        let before = state.document.as_ref().map(|document| &document.keys.skipped);
        if !keys.skipped.is_empty() && before != Some(&keys.skipped) {
            let address = self.address();
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
            address: self.address(),
            reason,
        }
    }

    /// The address without anything that might be a credential.
    fn address(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

impl State {
    fn fresh(&self, now: Instant) -> Option<&Document> {
        let document = self.document.as_ref()?;
        (now.duration_since(document.fetched_at) < FRESH_FOR).then_some(document)
    }

    /// A needed document is fetched unless that failed a moment ago.
    fn may_fetch(&mut self, now: Instant) -> Result<bool, Refusal> {
        match &self.failed {
            Some((at, refusal)) if now.duration_since(*at) < FAILURE_REMEMBERED => Err(refusal.clone()),
            _ if self.fresh(now).is_some() => Ok(false),
            _ => Ok(true),
        }
    }

    /// A document is fetched again for an unknown key after the cooldown, or within the budget.
    fn may_force(&mut self, now: Instant) -> Result<bool, Refusal> {
        if let Some((at, refusal)) = &self.failed
            && now.duration_since(*at) < FAILURE_REMEMBERED
        {
            return Err(refusal.clone());
        }
        let age = self
            .document
            .as_ref()
            .map(|document| now.duration_since(document.fetched_at));
        if age.is_none_or(|age| age >= COOLDOWN) {
            return Ok(true);
        }
        self.forced.retain(|at| now.duration_since(*at) < FORCED_WINDOW);
        let left = self.forced.len() < FORCED_BUDGET;
        if left {
            self.forced.push_back(now);
        }
        Ok(left)
    }

    fn store(&mut self, keys: KeySet, fetched_at: Instant) {
        let generation = match &self.document {
            None => 0,
            Some(before) if keys.holds_all_of(&before.keys) => before.generation,
            Some(before) => before.generation + 1,
        };
        self.document = Some(Document {
            keys: Arc::new(keys),
            fetched_at,
            generation,
        });
    }
}

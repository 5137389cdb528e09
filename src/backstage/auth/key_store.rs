//! All key documents in use, bounded in number, with a limit on how fast strangers can name new ones.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use url::Url;

use super::{
    key_source::{KeySource, Surroundings},
    refusal::Refusal,
};

/// Most documents kept that only tokens named; a portal has a few dozen plugins, of which few call us.
const MAX_STRANGERS: usize = 64;

/// Most documents kept that the configuration names; only many reloads that each move plugins come near.
const MAX_NAMED: usize = 256;

/// Plugin ids nobody configured that are looked up per minute; a portal's own plugins all fit, a flood does not.
const NEW_PLUGINS: usize = 10;

/// The span of the limit above.
const NEW_PLUGINS_WINDOW: Duration = Duration::from_secs(60);

/// Key sources by address.
#[derive(Debug)]
pub(super) struct KeyStore {
    surroundings: Surroundings,
    sources: Mutex<Sources>,
}

#[derive(Debug, Default)]
struct Sources {
    by_url: HashMap<Url, Arc<KeySource>>,
    newcomers: VecDeque<Instant>,
}

/// Whether the configuration vouches for a source, or only a token that anybody could have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    Configuration,
    Stranger,
}

impl KeyStore {
    /// No sources yet.
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            sources: Mutex::default(),
        }
    }

    /// Returns the source at the address; nothing is fetched yet.
    pub(super) fn source(&self, url: Url, named_by: NamedBy) -> Result<Arc<KeySource>, Refusal> {
        let mut sources = self.sources.lock();
        if let Some(source) = sources.by_url.get(&url) {
            if named_by == NamedBy::Configuration {
                source.vouch();
            }
            return Ok(Arc::clone(source));
        }
        let source = Arc::new(KeySource::new(url.clone(), self.surroundings.clone()));
        if named_by == NamedBy::Configuration {
            source.vouch();
            sources.make_room_for_named();
        } else {
            sources.make_room_for_stranger()?;
            sources.admit_newcomer(self.surroundings.clock.instant())?;
        }
        sources.by_url.insert(url, Arc::clone(&source));
        Ok(source)
    }
}

impl Sources {
    fn admit_newcomer(&mut self, now: Instant) -> Result<(), Refusal> {
        self.newcomers
            .retain(|at| now.duration_since(*at) < NEW_PLUGINS_WINDOW);
        if self.newcomers.len() >= NEW_PLUGINS {
            return Err(Refusal::TooManyNewPlugins);
        }
        self.newcomers.push_back(now);
        Ok(())
    }

    /// Drops the stranger unused the longest that never had keys; one that had is a plugin that really calls.
    fn make_room_for_stranger(&mut self) -> Result<(), Refusal> {
        if self.count(false) < MAX_STRANGERS {
            return Ok(());
        }
        let useless = |source: &KeySource| !source.is_vouched_for() && !source.was_ever_loaded();
        if self.drop_least_used(useless) {
            Ok(())
        } else {
            Err(Refusal::TooManyNewPlugins)
        }
    }

    fn make_room_for_named(&mut self) {
        if self.count(true) >= MAX_NAMED {
            self.drop_least_used(KeySource::is_vouched_for);
        }
    }

    fn count(&self, vouched_for: bool) -> usize {
        let alike = |source: &&Arc<KeySource>| source.is_vouched_for() == vouched_for;
        self.by_url.values().filter(alike).count()
    }

    fn drop_least_used(&mut self, among: impl Fn(&KeySource) -> bool) -> bool {
        let least_used = self
            .by_url
            .iter()
            .filter(|(_, source)| among(source))
            .min_by_key(|(_, source)| source.last_used())
            .map(|(url, _)| url.clone());
        least_used.is_some_and(|url| self.by_url.remove(&url).is_some())
    }
}

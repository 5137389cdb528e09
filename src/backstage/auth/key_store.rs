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

/// Most documents kept; a portal has a few dozen plugins, of which few call us.
const MAX_SOURCES: usize = 64;

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
            return Ok(Arc::clone(source));
        }
        if named_by == NamedBy::Stranger {
            sources.admit_newcomer(self.surroundings.clock.instant())?;
        }
        sources.make_room();
        let source = Arc::new(KeySource::new(url.clone(), self.surroundings.clone()));
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

    /// Drops one source when full: one that never had keys before one that had, the longest unused first.
    fn make_room(&mut self) {
        if self.by_url.len() < MAX_SOURCES {
            return;
        }
        let least_useful = self
            .by_url
            .iter()
            .min_by_key(|(_, source)| (source.was_ever_loaded(), source.last_used()))
            .map(|(url, _)| url.clone());
        if let Some(url) = least_useful {
            self.by_url.remove(&url);
        }
    }
}

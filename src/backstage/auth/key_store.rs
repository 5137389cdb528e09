//! All key documents in use, bounded in number, with a limit on how fast strangers can name new ones.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use url::Url;

use super::{
    key_source::{KeySource, Surroundings},
    refusal::Refusal,
};
use crate::infra::http_client::HttpClients;

/// Most documents kept that only tokens named; a portal has a few dozen plugins, of which few call us.
const MAX_STRANGERS: usize = 64;

/// Most documents kept that the configuration names; only many reloads that each move plugins come near.
const MAX_NAMED: usize = 256;

/// Key sources by address.
#[derive(Debug)]
pub(super) struct KeyStore {
    surroundings: Surroundings,
    sources: Mutex<Sources>,
}

#[derive(Debug, Default)]
struct Sources {
    by_url: HashMap<Url, Arc<KeySource>>,
}

/// Whether the configuration vouches for a source, or only a token that anybody could have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    Configuration,
    Stranger,
}

/// Where a key document is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) url: Url,
    pub(super) named_by: NamedBy,
    /// The configuration key that says so, as the log names it.
    pub(super) key: String,
}

impl Place {
    /// The document at this path of a plugin, whose address `discovery.endpoints` tells.
    pub(super) fn of_plugin(plugin_id: &str, address: &str, named_by: NamedBy) -> Result<Self, Refusal> {
        Ok(Self {
            url: Url::parse(address).map_err(|_| Refusal::bad_address(address))?,
            named_by,
            key: format!("discovery.endpoints for '{plugin_id}'"),
        })
    }
}

impl KeyStore {
    /// No sources yet.
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            sources: Mutex::default(),
        }
    }

    /// The clients that documents are fetched with.
    pub(super) fn http(&self) -> &HttpClients {
        &self.surroundings.http
    }

    /// Returns the source at the place; nothing is fetched yet.
    pub(super) fn source(&self, place: Place, client: Option<IpAddr>) -> Result<Arc<KeySource>, Refusal> {
        let is_named = place.named_by == NamedBy::Configuration;
        let mut sources = self.sources.lock();
        if let Some(source) = sources.by_url.get(&place.url) {
            if is_named {
                source.vouch();
            }
            return Ok(Arc::clone(source));
        }
        let surroundings = &self.surroundings;
        let source = Arc::new(KeySource::new(
            place.url.clone(),
            &place.key,
            surroundings.clone(),
        ));
        if is_named {
            source.vouch();
            sources.make_room_for_named();
        } else {
            surroundings
                .newcomers
                .admit(client, surroundings.clock.instant())?;
            sources.make_room_for_stranger()?;
        }
        sources.by_url.insert(place.url, Arc::clone(&source));
        Ok(source)
    }
}

impl Sources {
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

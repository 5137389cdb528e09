//! Verified tokens, kept so that a poll costs no signature check. Failures are never kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{policy::EvictionPolicy, sync::Cache};
use sha2::{Digest, Sha256};

use super::{Credentials, LimitedAccess, clock::Clock, key_source::KeyUse};
use crate::backstage::discovery::Discovery;

/// How long a verified token is believed at most; the same as a key document.
const KEEP: Duration = Duration::from_secs(10 * 60);

/// Most tokens kept: one per signed-in person and plugin id, about 2 KB each, so 8 MB when full.
const MAX_TOKENS: u64 = 4096;

/// A caller and what the verdict rests on.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    pub(super) credentials: Credentials,
    /// The earliest `exp` of all tokens involved, in Unix seconds.
    pub(super) ends_at: Option<f64>,
    /// The key documents that were used.
    pub(super) keys: Vec<KeyUse>,
}

/// Which request a verdict is for: the same token may be good for one plugin and bad for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct VerifiedKey {
    digest: [u8; 32],
    plugin_id: &'static str,
    limited: LimitedAccess,
}

impl VerifiedKey {
    /// Only a digest of the token is kept as key, so that comparing takes the same time for all tokens.
    pub(super) fn new(token: &str, plugin_id: &'static str, limited: LimitedAccess) -> Self {
        Self {
            digest: Sha256::digest(token).into(),
            plugin_id,
            limited,
        }
    }
}

/// The cache of verdicts.
#[derive(Debug)]
pub(super) struct VerifiedTokens {
    clock: Clock,
    entries: Cache<VerifiedKey, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    verified: Verified,
    kept_at: Instant,
    /// Where plugins lived; after a reload keys may have to come from elsewhere.
    discovery: Arc<Discovery>,
}

impl VerifiedTokens {
    /// An empty cache.
    pub(super) fn new(clock: Clock) -> Self {
        let entries = Cache::builder()
            .max_capacity(MAX_TOKENS)
            // The default refuses newcomers when full: somebody who signs in must not pay for idle tokens.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(KEEP)
            .build();
        Self { clock, entries }
    }

    /// Returns the caller, if everything the verdict rests on still holds.
    pub(super) fn get(&self, key: &VerifiedKey, discovery: &Arc<Discovery>) -> Option<Credentials> {
        let entry = self.entries.get(key)?;
        if self.holds(&entry, discovery) {
            return Some(entry.verified.credentials.clone());
        }
        self.entries.invalidate(key);
        None
    }

    /// Keeps a verdict.
    pub(super) fn keep(&self, key: VerifiedKey, verified: Verified, discovery: Arc<Discovery>) {
        let kept_at = self.clock.instant();
        let entry = Entry {
            verified,
            kept_at,
            discovery,
        };
        self.entries.insert(key, Arc::new(entry));
    }

    fn holds(&self, entry: &Entry, discovery: &Arc<Discovery>) -> bool {
        let ended = entry
            .verified
            .ends_at
            .is_some_and(|end| end <= self.clock.unix_seconds());
        let now = self.clock.instant();
        !ended
            && now.duration_since(entry.kept_at) < KEEP
            && Arc::ptr_eq(&entry.discovery, discovery)
            && entry.verified.keys.iter().all(|key| key.still_holds(now))
    }
}

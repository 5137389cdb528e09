//! The keys of one plugin id that rotate: a new one each hour, each published for three.
//!
//! Private halves stay in the process that made them; public halves go into the database, so that every replica
//! publishes the keys of all. (Backstage's own plugins do it so: `backend-defaults`, DatabaseKeyStore.) A new key is
//! published a while before it signs, because whoever verifies may have looked at our document a moment ago and does
//! not look again at once.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tracing::warn;

use super::{signing_key::SigningKey, store::KeyTable};
use crate::infra::{database::DatabaseError, single_flight::SingleFlight, tasks::Tasks};

/// Age at which a key gets a successor; Backstage's value.
const SUCCEEDED_AFTER: i64 = 60 * 60;

/// How long a key is published before it signs, in seconds: four times as long as those who verify wait before they
/// look again for a key they do not know.
const SHOWN_BEFORE: i64 = 120;

/// Age at which a key stops signing, also when no successor could be published.
const SIGNS_UNTIL: i64 = PUBLISHED_FOR - LONGEST_TOKEN;

/// How long a key is published; Backstage's value.
const PUBLISHED_FOR: i64 = 3 * 60 * 60;

/// How long a token is good at most, in seconds; Backstage's value.
pub(in crate::backstage::auth) const LONGEST_TOKEN: i64 = 60 * 60;

/// How long the table is left alone after it failed, in seconds: one attempt in two is no storm, and a blip is soon over.
const PAUSE: i64 = 2;

/// All calls are joined.
const ONE_FLIGHT: u64 = 0;

/// Why there is no key to sign with.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::backstage::auth) enum NoKey {
    /// It could not be made.
    #[error("no key could be made")]
    NotMade,
    /// It could not be published, so nobody would accept what it signs.
    #[error("the new key could not be published: {0}")]
    NotPublished(DatabaseError),
}

/// When the table failed last, while what we have does without it: it is left alone for a moment then, and told of once.
#[derive(Debug, Default)]
struct Outage(Mutex<Option<i64>>);

impl Outage {
    fn is_fresh(&self, now: i64) -> bool {
        let failed = *self.0.lock();
        failed.is_some_and(|failed| (failed..failed + PAUSE).contains(&now))
    }

    /// Notes a failure; says whether it is the first since the table was well.
    fn begins(&self, now: i64) -> bool {
        self.0.lock().replace(now).is_none()
    }

    fn ends(&self) {
        *self.0.lock() = None;
    }
}

/// The keys of one plugin id.
#[derive(Debug)]
pub(super) struct Ring {
    plugin_id: String,
    table: KeyTable,
    /// Those this process made, the oldest first.
    own: Mutex<Vec<Arc<SigningKey>>>,
    /// What the table held when it was last read.
    last_read: Mutex<Vec<Value>>,
    making: SingleFlight<Result<(), NoKey>>,
    reading: SingleFlight<Result<Vec<Value>, DatabaseError>>,
    unmade: Outage,
    unread: Outage,
}

impl Ring {
    /// No keys yet; asks nothing.
    pub(super) fn new(plugin_id: &str, table: KeyTable, tasks: &Tasks) -> Arc<Self> {
        Arc::new(Self {
            plugin_id: plugin_id.to_owned(),
            table,
            own: Mutex::default(),
            last_read: Mutex::default(),
            making: SingleFlight::new(tasks.clone()),
            reading: SingleFlight::new(tasks.clone()),
            unmade: Outage::default(),
            unread: Outage::default(),
        })
    }

    /// Returns the key to sign with now.
    pub(super) async fn signing_key(self: &Arc<Self>, now: i64) -> Result<Arc<SigningKey>, NoKey> {
        let ring = Arc::clone(self);
        let renew = || async move { ring.renew(now).await };
        if let Some(key) = self.chosen(now) {
            if self.wants_successor(now) && !self.unmade.is_fresh(now) {
                self.making.begin(ONE_FLIGHT, renew);
            }
            return Ok(key);
        }
        let made = self.making.run(ONE_FLIGHT, renew).await;
        made.unwrap_or(Err(NoKey::NotMade))?;
        self.chosen(now).ok_or(NoKey::NotMade)
    }

    /// Returns all published keys; those last known and our own when the database does not answer.
    pub(super) async fn published(self: &Arc<Self>, now: i64) -> Vec<Value> {
        if !self.unread.is_fresh(now) {
            self.read(now).await;
        }
        let mut keys = self.last_read.lock().clone();
        for own in self.own.lock().iter().filter(|key| key.age(now) < PUBLISHED_FOR) {
            if !keys.contains(own.published()) {
                keys.push(own.published().clone());
            }
        }
        keys
    }

    /// Reads the table; what was read before stays when that fails.
    async fn read(self: &Arc<Self>, now: i64) {
        let ring = Arc::clone(self);
        let read = self.reading.run(ONE_FLIGHT, || async move {
            ring.table.published(&ring.plugin_id, now).await
        });
        match read.await {
            Some(Ok(keys)) => {
                *self.last_read.lock() = keys;
                self.unread.ends();
            }
            failed => {
                let reason = failed.and_then(Result::err).unwrap_or(DatabaseError::Ending);
                if self.unread.begins(now) {
                    warn!(plugin.id = self.plugin_id, %reason, "The published keys cannot be read; the last ones serve");
                }
            }
        }
    }

    /// The newest key that has been published for a while, else the oldest one.
    fn chosen(&self, now: i64) -> Option<Arc<SigningKey>> {
        let own = self.own.lock();
        let mut signing = own.iter().filter(|key| key.age(now) < SIGNS_UNTIL);
        let known = signing.clone().rfind(|key| key.age(now) >= SHOWN_BEFORE);
        known.or_else(|| signing.next()).cloned()
    }

    fn wants_successor(&self, now: i64) -> bool {
        let newest = self.own.lock().last().map(|key| key.age(now));
        newest.is_some_and(|age| age >= SUCCEEDED_AFTER)
    }

    /// Makes a key if none signs or the newest wants a successor. While the present one signs, a failure is only told
    /// here; a later token tries again.
    async fn renew(&self, now: i64) -> Result<(), NoKey> {
        let signs = self.chosen(now).is_some();
        if signs && !self.wants_successor(now) {
            return Ok(());
        }
        let made = self.make(now).await;
        made.inspect(|()| self.unmade.ends()).inspect_err(|reason| {
            if signs && self.unmade.begins(now) {
                warn!(plugin.id = self.plugin_id, %reason, "No new signing key; the present one serves for up to an hour more");
            }
        })
    }

    async fn make(&self, now: i64) -> Result<(), NoKey> {
        let key = SigningKey::generate(now).map_err(|_| NoKey::NotMade)?;
        let published = self
            .table
            .publish(&self.plugin_id, &key, (now, now + PUBLISHED_FOR));
        published.await.map_err(NoKey::NotPublished)?;
        let mut own = self.own.lock();
        own.retain(|key| key.age(now) < PUBLISHED_FOR);
        own.push(Arc::new(key));
        Ok(())
    }
}

/// A key document with these keys.
pub(super) fn document(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::database::testing::{TestDatabase, postgres::Postgres, section};

    const HOUR: i64 = 3600;

    /// Any time; the rules are about differences.
    const START: i64 = 1_800_000_000;

    fn table(kept: &TestDatabase) -> KeyTable {
        KeyTable::new(kept.database.clone())
    }

    fn ring(table: &KeyTable) -> Arc<Ring> {
        Ring::new("sample", table.clone(), &Tasks::default())
    }

    /// The id of the key that signs then, once what that begins in the background is done.
    async fn signs(ring: &Arc<Ring>, now: i64) -> String {
        let id = ring.signing_key(now).await.unwrap().id().to_owned();
        ring.making.run(ONE_FLIGHT, || async { Ok(()) }).await;
        id
    }

    async fn published(ring: &Arc<Ring>, now: i64) -> Vec<String> {
        let keys = ring.published(now).await;
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn the_first_key_is_made_when_it_is_needed_and_signs_at_once() {
        for kept in TestDatabase::both() {
            let ring = ring(&table(&kept));
            assert_eq!(published(&ring, START).await, Vec::<String>::new());
            let first = signs(&ring, START).await;
            assert_eq!(published(&ring, START).await, [first]);
        }
    }

    #[tokio::test]
    async fn after_an_hour_a_new_key_is_published_and_signs_once_everybody_may_know_it() {
        for kept in TestDatabase::both() {
            let ring = ring(&table(&kept));
            let first = signs(&ring, START).await;
            assert_eq!(signs(&ring, START + HOUR - 1).await, first);
            assert_eq!(published(&ring, START + HOUR - 1).await.len(), 1);
            assert_eq!(
                signs(&ring, START + HOUR).await,
                first,
                "the new one is only shown"
            );
            let keys = published(&ring, START + HOUR).await;
            assert_eq!(keys.len(), 2);
            assert_eq!(signs(&ring, START + HOUR + SHOWN_BEFORE - 1).await, first);
            assert_eq!(signs(&ring, START + HOUR + SHOWN_BEFORE).await, keys[1]);
        }
    }

    #[tokio::test]
    async fn a_key_is_published_until_the_last_token_it_signed_is_over() {
        for kept in TestDatabase::both() {
            let ring = ring(&table(&kept));
            let first = signs(&ring, START).await;
            let last_signature = START + SIGNS_UNTIL - 1;
            assert_eq!(ring.chosen(last_signature).unwrap().id(), first);
            assert!(ring.chosen(START + SIGNS_UNTIL).is_none());
            let last_end = last_signature + LONGEST_TOKEN;
            assert!(published(&ring, last_end).await.contains(&first));
            assert!(!published(&ring, START + PUBLISHED_FOR).await.contains(&first));
        }
    }

    #[tokio::test]
    async fn after_a_long_pause_a_new_key_signs_at_once() {
        for kept in TestDatabase::both() {
            let ring = ring(&table(&kept));
            let first = signs(&ring, START).await;
            let later = START + 5 * HOUR;
            let second = signs(&ring, later).await;
            assert_ne!(first, second);
            assert_eq!(published(&ring, later).await, [second]);
        }
    }

    #[tokio::test]
    async fn replicas_publish_each_others_keys_and_sign_with_their_own() {
        for kept in TestDatabase::both() {
            let table = table(&kept);
            let (one, other) = (ring(&table), ring(&table));
            let (first, second) = (signs(&one, START).await, signs(&other, START).await);
            assert_ne!(first, second);
            for ring in [&one, &other] {
                let keys = published(ring, START).await;
                assert!(keys.contains(&first) && keys.contains(&second), "{keys:?}");
                assert_eq!(keys.len(), 2);
            }
        }
    }

    #[tokio::test]
    async fn replicas_with_clocks_ten_minutes_apart_publish_whatever_key_signs() {
        const APART: i64 = 600;
        for kept in TestDatabase::both() {
            let table = table(&kept);
            let (slow, fast) = (ring(&table), ring(&table));
            for minutes in (0..=6 * 60).step_by(5) {
                let now = START + minutes * 60;
                let signing = [signs(&slow, now).await, signs(&fast, now + APART).await];
                for keys in [published(&slow, now).await, published(&fast, now + APART).await] {
                    assert!(
                        signing.iter().all(|key| keys.contains(key)),
                        "after {minutes} minutes"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn the_keys_of_one_plugin_are_not_anothers() {
        for kept in TestDatabase::both() {
            let table = table(&kept);
            let other = Ring::new("other", table.clone(), &Tasks::default());
            signs(&ring(&table), START).await;
            assert_eq!(published(&other, START).await, Vec::<String>::new());
        }
    }

    #[tokio::test]
    async fn many_who_sign_first_share_one_key() {
        for kept in TestDatabase::both() {
            let ring = ring(&table(&kept));
            let signing = (0..32).map(|_| ring.signing_key(START));
            let keys = futures_util::future::join_all(signing).await;
            let first = keys[0].as_ref().unwrap().id();
            assert!(keys.iter().all(|key| key.as_ref().unwrap().id() == first));
            assert_eq!(published(&ring, START).await.len(), 1);
        }
    }

    #[tokio::test]
    async fn a_table_that_failed_is_left_alone_for_a_moment_and_what_is_known_serves() {
        let server = Postgres::own();
        let table = table(&TestDatabase::of(&section(&server.url())));
        let (one, other) = (ring(&table), ring(&table));
        let first = signs(&one, START).await;
        let later = START + HOUR;
        server.stop();
        assert_eq!(signs(&one, later).await, first);
        assert_eq!(published(&one, later).await, std::slice::from_ref(&first));
        server.resume();
        let theirs = signs(&other, later).await;
        for now in [later, later + PAUSE - 1] {
            assert_eq!(signs(&one, now).await, first, "no successor is made at {now}");
            assert_eq!(published(&one, now).await, std::slice::from_ref(&first));
        }
        signs(&one, later + PAUSE).await;
        let keys = published(&one, later + PAUSE).await;
        assert!(keys.len() == 3 && keys.contains(&theirs), "{keys:?}");
    }

    #[test]
    fn an_outage_is_told_when_it_begins_and_not_while_it_lasts() {
        let outage = Outage::default();
        assert!(!outage.is_fresh(START) && outage.begins(START));
        assert!(outage.is_fresh(START + PAUSE - 1) && !outage.is_fresh(START + PAUSE));
        assert!(!outage.begins(START + PAUSE) && outage.is_fresh(START + PAUSE));
        outage.ends();
        assert!(!outage.is_fresh(START + PAUSE) && outage.begins(START + PAUSE));
    }
}

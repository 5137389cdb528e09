//! The table of published keys: what all replicas have in common. It holds no private key.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::signing_key::SigningKey;
use crate::infra::database::{Database, DatabaseError, on_pool};

/// Longest wait for a key to be published; without it nobody would take what the key signs.
const PUBLISHING: Duration = Duration::from_secs(5);

/// Longest wait for the published keys. Whoever verifies a token waits five seconds for them, and those we know must get
/// there within that when the table does not answer.
const READING: Duration = Duration::from_secs(4);

/// Public keys by plugin id.
#[derive(Debug, Clone)]
pub(in crate::backstage::auth) struct KeyTable(Database);

impl KeyTable {
    /// In this database; opens nothing yet.
    pub(in crate::backstage::auth) fn new(database: Database) -> Self {
        Self(database)
    }

    /// Adds a public key, and drops those whose time is over.
    pub(super) async fn publish(
        &self,
        plugin_id: &str,
        key: &SigningKey,
        (now, expires_at): (i64, i64),
    ) -> Result<(), DatabaseError> {
        self.bounded(PUBLISHING, async {
            let pool = self.0.pool().await?;
            let public = key.published().to_string();
            on_pool!(&pool, |pool| {
                sqlx::query("delete from signing_keys where expires_at <= $1")
                    .bind(now)
                    .execute(pool)
                    .await
                    .map(drop)
            })?;
            on_pool!(&pool, |pool| {
                sqlx::query(
                    "insert into signing_keys (plugin_id, key_id, public_key, created_at, expires_at) \
                     values ($1, $2, $3, $4, $5)",
                )
                .bind(plugin_id)
                .bind(key.id())
                .bind(public)
                .bind(now)
                .bind(expires_at)
                .execute(pool)
                .await
                .map(drop)
            })
        })
        .await
    }

    /// Returns the public keys of the plugin whose time is not over, the oldest first. Anybody may ask for them, so a
    /// database that is not there yet is not made.
    pub(super) async fn published(&self, plugin_id: &str, now: i64) -> Result<Vec<Value>, DatabaseError> {
        self.bounded(READING, async {
            let Some(pool) = self.0.existing().await? else {
                return Ok(Vec::new());
            };
            let rows: Vec<String> = on_pool!(&pool, |pool| {
                sqlx::query_scalar(
                    "select public_key from signing_keys where plugin_id = $1 and expires_at > $2 \
                     order by created_at, key_id",
                )
                .bind(plugin_id)
                .bind(now)
                .fetch_all(pool)
                .await
            })?;
            // What is no JSON was not written by us, and nothing we sign is verified with it.
            Ok(rows
                .iter()
                .filter_map(|row| serde_json::from_str(row).ok())
                .collect())
        })
        .await
    }

    async fn bounded<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let done = timeout(limit, work).await;
        done.unwrap_or_else(|_| Err(self.0.too_slow(limit)))
    }
}

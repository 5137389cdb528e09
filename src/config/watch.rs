//! Follows changes of the configuration's files.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    time::Duration,
};

use super::ConfigStore;

/// How often the files are looked at. They are few and small; a person who edits one waits that long at most.
const INTERVAL: Duration = Duration::from_secs(2);

/// Follows the files until `stop` is ready.
///
/// Contents are compared, not events: that sees a rename over a file, the symlink swap under a mounted ConfigMap,
/// a file deleted and created again, and a default file created later alike, on every file system.
pub async fn watch(store: ConfigStore, stop: impl Future<Output = ()>) {
    watch_every(store, INTERVAL, stop).await;
}

/// As [`watch`], with another interval.
pub async fn watch_every(store: ConfigStore, interval: Duration, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    // Empty, so that the first look also finds what changed between the loading and now.
    let mut seen = Fingerprints::new();
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(interval) => {}
        }
        let now = fingerprints(store.files()).await;
        if now != seen {
            seen = now;
            store.refresh().await;
        }
    }
}

/// A hash of each file's content; `None` for a file that cannot be read.
type Fingerprints = BTreeMap<PathBuf, Option<u64>>;

async fn fingerprints(files: BTreeSet<PathBuf>) -> Fingerprints {
    let hash = |path: PathBuf| {
        let content = std::fs::read(&path).ok();
        let hash = content.map(|content| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            hasher.finish()
        });
        (path, hash)
    };
    let reading = tokio::task::spawn_blocking(move || files.into_iter().map(hash).collect());
    // A reading that panicked says nothing about the files; the next look will.
    reading.await.unwrap_or_default()
}

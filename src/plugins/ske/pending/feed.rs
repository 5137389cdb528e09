//! All recorded requests as one document of YAML, in the form the catalog's URL reader wants.
//!
//! Kept compressed, since a hundred thousand entities that are much alike are sixty to eighty megabytes as text and a few as
//! a stream of deltas; made anew only when something changed.

use std::{
    io::{self, Cursor, Read as _},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::Mutex;
use tracing::debug;

use super::{Pending, draft, store::Fingerprint};
use crate::infra::database::DatabaseError;

/// Text sent at a time.
const CHUNK: usize = 64 * 1024;

/// The document.
pub(in crate::plugins::ske) struct Feed {
    /// Of which state of the table it is.
    pub(super) of: Fingerprint,
    /// One compressed stream behind the other.
    pub(super) compressed: Bytes,
    pub(super) parts: Vec<Part>,
    pub(super) length: u64,
    pub(super) tag: String,
    /// Records that were written for it; the others are as in the document before.
    pub(super) written: usize,
}

/// Entities whose records' ids begin alike.
#[derive(Clone)]
pub(super) struct Part {
    /// What they begin with.
    pub(super) beginning: String,
    /// Of which state of the records.
    pub(super) of: Fingerprint,
    /// Where it is in what is compressed.
    pub(super) at: Range<usize>,
    /// Bytes of its text.
    pub(super) length: u64,
    /// SHA-256 of its text.
    pub(super) digest: [u8; 32],
}

/// The last document.
#[derive(Default)]
pub(super) struct FeedKeeper(Mutex<Option<Arc<Feed>>>);

impl Pending {
    /// Returns the document as of now.
    ///
    /// # Errors
    /// The database does not answer; the catalog then keeps what it has.
    pub(in crate::plugins::ske) async fn feed(&self) -> Result<Arc<Feed>, DatabaseError> {
        let Some(store) = self.store().await? else {
            return Ok(Arc::new(draft::empty()));
        };
        // Whoever asks while it is being made waits for it.
        let mut kept = self.feed.0.lock().await;
        let now = store.fingerprint().await?;
        if let Some(feed) = kept.as_ref()
            && feed.of == now
        {
            return Ok(Arc::clone(feed));
        }
        let made = Arc::new(draft::make(&store, kept.as_deref()).await?);
        debug!(
            bytes = made.length,
            written = made.written,
            "The catalog's document of pending requests was made anew"
        );
        *kept = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl Feed {
    /// The entity tag: another for every other text.
    pub(in crate::plugins::ske) fn tag(&self) -> &str {
        &self.tag
    }

    /// Bytes of the text.
    pub(in crate::plugins::ske) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are kept of it.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.compressed.len()
    }

    /// The part for that state of the records whose ids begin so, with its compressed text.
    pub(super) fn part(&self, beginning: &str, of: Fingerprint) -> Option<(&Part, &[u8])> {
        let is_it = |part: &&Part| part.beginning == beginning && part.of == of;
        let part = self.parts.iter().find(is_it)?;
        Some((part, self.compressed.get(part.at.clone())?))
    }

    /// The text, piece by piece.
    pub(in crate::plugins::ske) fn chunks(&self) -> impl Iterator<Item = io::Result<Bytes>> + Send + use<> {
        let mut text = MultiGzDecoder::new(Cursor::new(self.compressed.clone()));
        std::iter::from_fn(move || {
            let mut chunk = Vec::with_capacity(CHUNK);
            match text.by_ref().take(CHUNK as u64).read_to_end(&mut chunk) {
                Ok(0) => None,
                Ok(_) => Some(Ok(Bytes::from(chunk))),
                Err(error) => Some(Err(error)),
            }
        })
    }
}

//! All recorded requests as one document of YAML, in the form the catalog's URL reader wants.
//!
//! Kept compressed, since a hundred thousand entities that are much alike are sixty or seventy megabytes as text and a few as
//! a stream of deltas; made anew only when something changed.

use std::{
    io::{self, Cursor, Read as _, Write as _},
    sync::Arc,
};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tracing::warn;

use super::{
    Pending, entity,
    list::Filter,
    request::PendingRequest,
    store::{Fingerprint, Store},
};
use crate::infra::database::DatabaseError;

/// Records read at a time; between them others have their turn.
const PAGE: i64 = 100;

/// Text sent at a time.
const CHUNK: usize = 64 * 1024;

/// Hexadecimal digits of a tag.
const TAG: usize = 32;

/// Without any entity the document is this line, which is no document at all to a reader of YAML.
const OPENING: &str = "# Requests that were submitted and are not on the platform yet.\n";

/// The document.
pub(in crate::plugins::ske) struct Feed {
    compressed: Bytes,
    length: u64,
    tag: String,
}

/// The last document, and of which state of the table it is.
#[derive(Default)]
pub(super) struct FeedKeeper(Mutex<Option<(Fingerprint, Arc<Feed>)>>);

/// A document being written.
struct Draft {
    compressed: GzEncoder<Vec<u8>>,
    hash: Sha256,
    length: u64,
}

impl Pending {
    /// Returns the document as of now.
    ///
    /// # Errors
    /// The database does not answer; the catalog then keeps what it has.
    pub(in crate::plugins::ske) async fn feed(&self) -> Result<Arc<Feed>, DatabaseError> {
        let Some(store) = self.store().await? else {
            return Ok(Arc::new(Draft::new().finish()));
        };
        // Whoever asks while it is being made waits for it.
        let mut kept = self.feed.0.lock().await;
        let now = store.fingerprint().await?;
        if let Some((fingerprint, feed)) = kept.as_ref()
            && *fingerprint == now
        {
            return Ok(Arc::clone(feed));
        }
        let (of, made) = make(&store).await?;
        let made = Arc::new(made);
        *kept = Some((of, Arc::clone(&made)));
        Ok(made)
    }
}

/// Makes the document, and says of which records: they may have changed since anybody asked for their fingerprint.
async fn make(store: &Store) -> Result<(Fingerprint, Feed), DatabaseError> {
    let (mut of, mut draft) = (Fingerprint::default(), Draft::new());
    let mut after = String::new();
    loop {
        let page = store.list(&Filter::default(), &after, PAGE).await?;
        for request in &page {
            of.add(request);
            draft.add(request);
        }
        match page.last() {
            Some(last) if page.len() as i64 == PAGE => after.clone_from(&last.id),
            _ => return Ok((of, draft.finish())),
        }
        tokio::task::yield_now().await;
    }
}

impl Feed {
    /// The entity tag: the same for the same text, and for no other.
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

    /// The text, piece by piece.
    pub(in crate::plugins::ske) fn chunks(&self) -> impl Iterator<Item = io::Result<Bytes>> + Send + use<> {
        let mut text = GzDecoder::new(Cursor::new(self.compressed.clone()));
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

impl Draft {
    fn new() -> Self {
        let mut draft = Self {
            compressed: GzEncoder::new(Vec::new(), Compression::fast()),
            hash: Sha256::new(),
            length: 0,
        };
        draft.push(OPENING);
        draft
    }

    /// Adds an entity. One that cannot be written is left out: the catalog takes a document wholly or not at all.
    fn add(&mut self, request: &PendingRequest) {
        match entity::document(request) {
            Ok(document) => {
                self.push("---\n");
                self.push(&document);
            }
            Err(problem) => warn!(
                id = request.id,
                reason = %problem,
                "A pending request cannot be written as an entity, so the catalog does not see it"
            ),
        }
    }

    fn push(&mut self, text: &str) {
        // Writing to memory cannot fail.
        let _ = self.compressed.write_all(text.as_bytes());
        self.hash.update(text);
        self.length += text.len() as u64;
    }

    fn finish(self) -> Feed {
        let mut digest = hex::encode(self.hash.finalize());
        digest.truncate(TAG);
        Feed {
            compressed: self.compressed.finish().unwrap_or_default().into(),
            length: self.length,
            // Weak, because the same text may be sent in several encodings.
            tag: format!("W/\"{digest}\""),
        }
    }
}

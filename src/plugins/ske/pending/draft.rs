//! Makes the document of recorded requests, part by part, and takes from the one before what has not changed: an entity,
//! with the proof that every reader reads it alike, takes far longer to write than its record to read.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::{
    entity,
    feed::{Feed, Part},
    request::PendingRequest,
    store::{Fingerprint, Store},
};
use crate::infra::database::DatabaseError;

/// Entities written before others have their turn.
const TURN: usize = 100;

/// Hexadecimal digits of a tag.
const TAG: usize = 32;

/// Without any entity the document is this line, which is no document at all to a reader of YAML.
const OPENING: &str = "# Requests that were submitted and are not on the platform yet.\n";

/// A document being made.
#[derive(Default)]
struct Draft {
    compressed: Vec<u8>,
    parts: Vec<Part>,
    written: usize,
}

/// The text of a part being written.
struct Text {
    compressed: GzEncoder<Vec<u8>>,
    hash: Sha256,
    length: u64,
}

/// The document without any entity.
pub(super) fn empty() -> Feed {
    Draft::opened().finish()
}

/// Makes the document of the records there are now: they may have changed since anybody asked for their fingerprint.
pub(super) async fn make(store: &Store, before: Option<&Feed>) -> Result<Feed, DatabaseError> {
    let mut draft = Draft::opened();
    for (beginning, of) in store.parts().await? {
        match before.and_then(|feed| feed.part(&beginning, of)) {
            Some((part, compressed)) => draft.keep(part.clone(), compressed),
            None => {
                draft
                    .write(beginning.clone(), store.part(&beginning).await?)
                    .await
            }
        }
    }
    Ok(draft.finish())
}

impl Draft {
    fn opened() -> Self {
        let mut draft = Self::default();
        let mut opening = Text::new();
        opening.push(OPENING);
        draft.push(opening, String::new(), Fingerprint::default());
        draft
    }

    /// Adds the entities of these records, whose ids begin so.
    async fn write(&mut self, beginning: String, requests: Vec<PendingRequest>) {
        // They went meanwhile.
        if requests.is_empty() {
            return;
        }
        let mut text = Text::new();
        for some in requests.chunks(TURN) {
            some.iter().for_each(|request| text.add(request));
            tokio::task::yield_now().await;
        }
        self.written += requests.len();
        self.push(text, beginning, Fingerprint::of(&requests));
    }

    fn push(&mut self, text: Text, beginning: String, of: Fingerprint) {
        // Writing to memory cannot fail.
        let compressed = text.compressed.finish().unwrap_or_default();
        let part = Part {
            beginning,
            of,
            at: 0..compressed.len(),
            length: text.length,
            digest: text.hash.finalize().into(),
        };
        self.keep(part, &compressed);
    }

    /// Adds a part that is written already.
    fn keep(&mut self, part: Part, compressed: &[u8]) {
        let start = self.compressed.len();
        self.compressed.extend_from_slice(compressed);
        let at = start..self.compressed.len();
        self.parts.push(Part { at, ..part });
    }

    fn finish(self) -> Feed {
        let (mut of, mut hash) = (Fingerprint::default(), Sha256::new());
        for part in &self.parts {
            of.join(part.of);
            hash.update(part.digest);
        }
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(TAG);
        Feed {
            of,
            compressed: self.compressed.into(),
            length: self.parts.iter().map(|part| part.length).sum(),
            // Weak, because the same text may be sent in several encodings.
            tag: format!("W/\"{digest}\""),
            parts: self.parts,
            written: self.written,
        }
    }
}

impl Text {
    fn new() -> Self {
        Self {
            compressed: GzEncoder::new(Vec::new(), Compression::fast()),
            hash: Sha256::new(),
            length: 0,
        }
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
}

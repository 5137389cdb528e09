//! Makes the document of recorded requests, part by part, and takes from the one before what has not changed: an entity,
//! with the proof that every reader reads it alike, takes far longer to write than its record to read.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::{
    entity,
    feed::{Feed, Part},
    list::Filter,
    request::PendingRequest,
    store::{Fingerprint, Store},
};
use crate::infra::database::DatabaseError;

/// Records read, or written before others have their turn.
const PAGE: usize = 100;

/// Leading digits of the ids in one part. Ids are random, so two make 256 parts of about the same size.
const BEGINNING: i32 = 2;

/// Hexadecimal digits of a tag.
const TAG: usize = 32;

/// Without any entity the document is this line, which is no document at all to a reader of YAML.
const OPENING: &str = "# Requests that were submitted and are not on the platform yet.\n";

/// A document being made.
struct Draft<'a> {
    before: Option<&'a Feed>,
    compressed: Vec<u8>,
    feed: Feed,
}

/// The text of a part being written.
struct Text {
    compressed: GzEncoder<Vec<u8>>,
    hash: Sha256,
    length: u64,
}

/// The document without any entity.
pub(super) fn empty() -> Feed {
    Draft::after(None).finish()
}

/// Makes the document of the records there are now: they may have changed since anybody asked for their fingerprint.
pub(super) async fn make(store: &Store, before: Option<&Feed>) -> Result<Feed, DatabaseError> {
    let mut draft = Draft::after(before);
    for (beginning, of) in store.fingerprints(BEGINNING).await? {
        let is_same = |part: &&Part| part.beginning == beginning && part.of == of;
        let known = before.and_then(|feed| feed.parts.iter().find(is_same));
        match known {
            Some(part) => draft.keep(part),
            None => draft.write(read(store, &beginning).await?, beginning).await,
        }
    }
    Ok(draft.finish())
}

/// The records whose ids begin so.
async fn read(store: &Store, beginning: &str) -> Result<Vec<PendingRequest>, DatabaseError> {
    let (mut records, mut after) = (Vec::new(), beginning.to_owned());
    loop {
        let page = store.list(&Filter::default(), &after, PAGE as i64).await?;
        let is_last = page.len() < PAGE || !page.iter().all(|request| request.id.starts_with(beginning));
        records.extend(
            page.into_iter()
                .filter(|request| request.id.starts_with(beginning)),
        );
        match records.last() {
            Some(last) if !is_last => after.clone_from(&last.id),
            _ => return Ok(records),
        }
    }
}

impl<'a> Draft<'a> {
    fn after(before: Option<&'a Feed>) -> Self {
        let mut draft = Self {
            before,
            compressed: Vec::new(),
            feed: Feed::default(),
        };
        let mut opening = Text::new();
        opening.push(OPENING);
        draft.push(opening, String::new(), Fingerprint::default());
        draft
    }

    /// Takes over a part of the document before.
    fn keep(&mut self, part: &Part) {
        let compressed = self.before.and_then(|feed| feed.compressed.get(part.at.clone()));
        let start = self.compressed.len();
        self.compressed.extend_from_slice(compressed.unwrap_or_default());
        self.feed.of.join(part.of);
        self.feed.parts.push(Part {
            at: start..self.compressed.len(),
            ..part.clone()
        });
    }

    /// Adds the entities of these records, whose ids begin so.
    async fn write(&mut self, requests: Vec<PendingRequest>, beginning: String) {
        // They went meanwhile.
        if requests.is_empty() {
            return;
        }
        let mut text = Text::new();
        for page in requests.chunks(PAGE) {
            page.iter().for_each(|request| text.add(request));
            tokio::task::yield_now().await;
        }
        self.feed.written += requests.len();
        self.push(text, beginning, Fingerprint::of(&requests));
    }

    fn push(&mut self, text: Text, beginning: String, of: Fingerprint) {
        self.feed.of.join(of);
        let start = self.compressed.len();
        // Writing to memory cannot fail.
        self.compressed
            .append(&mut text.compressed.finish().unwrap_or_default());
        self.feed.parts.push(Part {
            beginning,
            of,
            at: start..self.compressed.len(),
            length: text.length,
            digest: text.hash.finalize().into(),
        });
    }

    fn finish(self) -> Feed {
        let mut hash = Sha256::new();
        self.feed.parts.iter().for_each(|part| hash.update(part.digest));
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(TAG);
        Feed {
            compressed: self.compressed.into(),
            length: self.feed.parts.iter().map(|part| part.length).sum(),
            // Weak, because the same text may be sent in several encodings.
            tag: format!("W/\"{digest}\""),
            ..self.feed
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

//! Reads what one file holds; needs no index, so that many files can be read on many threads.

use serde_json::Value;

use super::{
    documents::{Content, Document, File, Trouble},
    identity::Identity,
    mentions::Mentions,
    promised::{Offer, offered_by},
    selection::MAX_FILE,
};
use crate::{config::Value as Yaml, plugins::ske::domain::json_of};

/// Where an object stands within its file, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Spot {
    /// Which document.
    pub(in crate::plugins::ske) document: u32,
    /// Which item, when the document is a list of objects.
    pub(in crate::plugins::ske) item: Option<u32>,
    /// The line the document begins on, counted from one; for messages.
    pub(in crate::plugins::ske) line: u32,
}

/// What one file holds; made by `scan`, which needs no index and can run on any thread.
#[derive(Debug, Default)]
pub(in crate::plugins::ske) struct Scanned {
    pub(super) objects: Vec<(Identity, Spot, Box<str>)>,
    /// The kinds that Promises among them offer.
    pub(super) offers: Vec<Offer>,
    pub(super) troubles: Vec<Trouble>,
    /// What may be in what could not be read; nothing when all was.
    pub(super) mentions: Mentions,
}

/// Reads what a file holds.
pub(in crate::plugins::ske) fn scan(bytes: &[u8]) -> Scanned {
    let mut scanned = Scanned::default();
    match File::read(bytes) {
        Ok(file) => {
            for (number, document) in file.documents.iter().enumerate() {
                scanned.add(number, document);
            }
        }
        Err(trouble) => scanned.troubles.push(trouble),
    }
    if !scanned.troubles.is_empty() {
        scanned.mentions = Mentions::of(bytes);
    }
    scanned
}

/// Stands for a file that is not read because it has more than `MAX_FILE` bytes.
pub(in crate::plugins::ske) fn too_large() -> Scanned {
    let trouble = Trouble {
        line: 1,
        problem: format!(
            "larger than {} MiB and therefore not read; split it",
            MAX_FILE >> 20
        ),
    };
    Scanned {
        troubles: vec![trouble],
        ..Scanned::default()
    }
}

/// Reads one object of a file; `None` when there is none at the spot.
///
/// # Errors
/// The file is broken, or a number in the object cannot be passed on exactly.
pub(in crate::plugins::ske) fn object_at(bytes: &[u8], spot: Spot) -> Result<Option<Value>, Trouble> {
    let Some(document) = File::read_one(bytes, spot.document as usize)? else {
        return Ok(None);
    };
    if let Content::Broken(trouble) = document.content {
        return Err(trouble);
    }
    let item = spot.item.map(|item| item as usize);
    let found = document.objects().into_iter().find(|(number, _)| *number == item);
    let Some((_, object)) = found else {
        return Ok(None);
    };
    let exact = json_of(Yaml::Object(object.clone()));
    exact.map(Some).map_err(|problem| Trouble {
        line: document.segment.line,
        problem: problem.to_string(),
    })
}

impl Scanned {
    /// What of the file could not be read.
    pub(in crate::plugins::ske) fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    fn add(&mut self, number: usize, document: &Document) {
        if let Content::Broken(trouble) = &document.content {
            self.troubles.push(trouble.clone());
        }
        for (item, object) in document.objects() {
            let line = document.segment.line;
            match Identity::in_document(object) {
                Ok(None) => {}
                Ok(Some((identity, version))) => {
                    let spot = Spot {
                        document: number as u32,
                        item: item.map(|item| item as u32),
                        line: line as u32,
                    };
                    self.offers.extend(offered_by(&identity, object));
                    self.objects.push((identity, spot, version.into()));
                }
                Err(problem) => self.troubles.push(Trouble { line, problem }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "apiVersion: e.com/v1\nkind: Redis\nmetadata: {name: a}\n";

    fn only_spot(text: &str) -> Spot {
        match &scan(text.as_bytes()).objects[..] {
            [(_, spot, _)] => *spot,
            others => panic!("{others:?}"),
        }
    }

    #[test]
    fn the_object_at_a_spot_is_read_without_its_neighbours() {
        let text = format!("{{broken\n---\n{OBJECT}spec: {{on: yes}}\n");
        let read = object_at(text.as_bytes(), only_spot(&text)).unwrap().unwrap();
        assert_eq!(read["spec"], serde_json::json!({"true": true}));
        let list = "kind: List\nitems: [1, {a: 2}]\n";
        let spot = |item| Spot {
            document: 0,
            item,
            line: 1,
        };
        assert_eq!(
            object_at(list.as_bytes(), spot(Some(1))).unwrap().unwrap()["a"],
            2
        );
        assert_eq!(object_at(list.as_bytes(), spot(Some(0))).unwrap(), None);
        assert_eq!(object_at(b"", spot(None)).unwrap(), None);
    }

    #[test]
    fn a_number_that_would_arrive_as_another_is_an_error_and_still_indexed() {
        let text = OBJECT.to_owned() + "spec: {size: 18446744073709551616}\n";
        let trouble = object_at(text.as_bytes(), only_spot(&text)).unwrap_err();
        assert!(trouble.to_string().contains("spec.size"), "{trouble}");
    }
}

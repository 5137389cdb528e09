//! Changes one document of a file and leaves every other byte as it is.
//!
//! Whatever is returned has been read back: the other documents say what they said, and the changed one what was
//! meant. A file that its readers cannot parse would stop everything that is applied from the same folder.

use std::ops::Range;

use serde_json::Value;

use super::{
    characters::foreign_character,
    committed::cleaned,
    documents::{Content, Document, File, Trouble, content_of},
    identity::Identity,
    scan::Spot,
    sealed::{is_sops, sealed},
    segments::{Segment, is_blank_or_comment, lines},
};
use crate::config::{
    Value as Yaml, from_json, to_json,
    yaml::{self, Form, Room},
};

/// What a change makes of a file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Edited {
    /// It says already what was to be written; there is nothing to commit.
    Unchanged,
    /// Its new content.
    Written(Vec<u8>),
    /// Nothing is left in it; the file goes.
    Emptied,
}

/// Why a file is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::plugins::ske) enum Refused {
    /// The file cannot be read, or the document is no longer where it was.
    #[error("{path}, {trouble}")]
    Broken {
        /// The file.
        path: String,
        /// Where and why.
        trouble: Trouble,
    },
    /// The object is an item of a list.
    #[error(
        "{path}, line {line}: the object is an item of a list, which Stagedoor does not edit; give it a document of its \
         own in the repository"
    )]
    InList {
        /// The file.
        path: String,
        /// The line the list begins on.
        line: u32,
    },
    /// A tool has encrypted or signed it as a whole.
    #[error(
        "{path}, line {line}: the file is encrypted or signed by {tool}, and a change by Stagedoor would break that; \
         change it with {tool} in the repository"
    )]
    Sealed {
        /// The file.
        path: String,
        /// The line the document begins on.
        line: usize,
        /// The tool.
        tool: &'static str,
    },
    /// The result would not be read as it is meant.
    #[error("the object cannot be written to {path}: {problem}")]
    Unwritable {
        /// The file.
        path: String,
        /// Why.
        problem: String,
    },
}

/// A new file with one object.
///
/// # Errors
/// The object cannot be written so that all readers read it alike.
pub(in crate::plugins::ske) fn create(path: &str, object: &Value) -> Result<Vec<u8>, Refused> {
    rendered(path, object).map(String::into_bytes)
}

/// Replaces the object at the spot. Comments before and after the document stay, those within it go.
///
/// # Errors
/// The object is not at the spot, is an item of a list, or cannot be written.
pub(in crate::plugins::ske) fn replace(
    path: &str,
    bytes: &[u8],
    spot: Spot,
    object: &Value,
) -> Result<Edited, Refused> {
    let file = read(path, bytes)?;
    let (document, value) = found(path, &file, spot)?;
    if identity(value) != identity(&from_json(object.clone())) {
        return Err(moved(path, document));
    }
    if from_json(cleaned(to_json(value))) == from_json(cleaned(object.clone())) {
        return Ok(Edited::Unchanged);
    }
    refuse_sealed(path, document, sealed(document).or(encrypted(&file)))?;
    let content = content_range(file.text, &document.segment, value);
    let on_marker_line = document
        .segment
        .marker
        .as_ref()
        .is_some_and(|marker| marker.end == content.start);
    let mut new = if on_marker_line { "\n" } else { "" }.to_owned();
    new.push_str(&rendered(path, object)?);
    let new = with_line_ends_of(file.text, new);
    let text = [&file.text[..content.start], &new, &file.text[content.end..]].concat();
    let mut expected = sayings(&file);
    if let Some(changed) = expected
        .iter_mut()
        .find(|(number, _)| *number == spot.document as usize)
    {
        changed.1 = Saying::Value(from_json(object.clone()));
    }
    checked(path, text, &expected)
}

/// Removes the object at the spot with its marker, its directives and the comments between these and its content.
///
/// # Errors
/// As for `replace`.
pub(in crate::plugins::ske) fn remove(
    path: &str,
    bytes: &[u8],
    spot: Spot,
    expected: &Identity,
) -> Result<Edited, Refused> {
    let file = read(path, bytes)?;
    let (document, value) = found(path, &file, spot)?;
    if identity(value).as_ref() != Some(expected) {
        return Err(moved(path, document));
    }
    let number = spot.document as usize;
    let mut text = String::with_capacity(file.text.len());
    let mut kept_to = 0;
    for gone in removed_ranges(&file, number, value) {
        text.push_str(&file.text[kept_to..gone.start]);
        kept_to = gone.end;
    }
    text.push_str(&file.text[kept_to..]);
    let rest: Vec<_> = sayings(&file)
        .into_iter()
        .filter(|(at, _)| *at != number)
        .collect();
    if rest.is_empty() {
        return Ok(Edited::Emptied);
    }
    refuse_sealed(path, document, encrypted(&file))?;
    checked(path, text, &rest)
}

/// What a document says, to be compared before and after; broken ones by their text.
#[derive(Debug, PartialEq)]
enum Saying {
    Value(Yaml),
    Broken(String),
}

/// What the documents that are not empty say, each with its number.
fn sayings(file: &File<'_>) -> Vec<(usize, Saying)> {
    let all = file.documents.iter().enumerate();
    all.filter_map(|(number, document)| {
        let saying = match &document.content {
            Content::Empty => return None,
            Content::Value(value) => Saying::Value(value.clone()),
            Content::Broken(_) => Saying::Broken(file.text[document.segment.whole.clone()].trim().to_owned()),
        };
        Some((number, saying))
    })
    .collect()
}

fn checked(path: &str, text: String, expected: &[(usize, Saying)]) -> Result<Edited, Refused> {
    let bytes = text.into_bytes();
    let read_back = sayings(&read(path, &bytes)?);
    let same = read_back.iter().map(|(_, saying)| saying);
    if !same.eq(expected.iter().map(|(_, saying)| saying)) {
        let problem = "the file would not be read as it is meant; change it by hand in the repository";
        return Err(unwritable(path, problem));
    }
    Ok(Edited::Written(bytes))
}

fn read<'a>(path: &str, bytes: &'a [u8]) -> Result<File<'a>, Refused> {
    File::read(bytes).map_err(|trouble| broken(path, trouble))
}

fn found<'f>(path: &str, file: &'f File<'_>, spot: Spot) -> Result<(&'f Document, &'f Yaml), Refused> {
    let gone = || {
        let problem = "the object is no longer there".to_owned();
        let line = spot.line as usize;
        broken(path, Trouble { line, problem })
    };
    let document = file.documents.get(spot.document as usize).ok_or_else(gone)?;
    match &document.content {
        Content::Broken(trouble) => Err(broken(path, trouble.clone())),
        Content::Value(_) if spot.item.is_some() => Err(Refused::InList {
            path: path.to_owned(),
            line: spot.line,
        }),
        Content::Value(value) => Ok((document, value)),
        Content::Empty => Err(gone()),
    }
}

fn encrypted(file: &File<'_>) -> Option<&'static str> {
    is_sops(file).then_some("sops")
}

fn refuse_sealed(path: &str, document: &Document, tool: Option<&'static str>) -> Result<(), Refused> {
    match tool {
        None => Ok(()),
        Some(tool) => Err(Refused::Sealed {
            path: path.to_owned(),
            line: document.segment.line,
            tool,
        }),
    }
}

fn identity(value: &Yaml) -> Option<Identity> {
    let found = Identity::in_document(value.as_object()?).ok().flatten();
    found.map(|(identity, _)| identity)
}

/// What the readers of a file expect by its name.
fn form_of(path: &str) -> Form {
    if path.ends_with(".json") {
        Form::Json
    } else {
        Form::Block
    }
}

fn rendered(path: &str, object: &Value) -> Result<String, Refused> {
    if let Some(character) = foreign_character(object) {
        let code = u32::from(character);
        let problem = format!(
            "it holds the character U+{code:04X}, at which kustomize stops, and with it all that Flux applies from here"
        );
        return Err(unwritable(path, &problem));
    }
    if object.get("sops").is_some() {
        let problem =
            "it is encrypted by sops, and would be written in another order; commit the file as sops made it";
        return Err(unwritable(path, problem));
    }
    yaml::write(object, form_of(path)).map_err(|problem| unwritable(path, &problem.to_string()))
}

fn unwritable(path: &str, problem: &str) -> Refused {
    Refused::Unwritable {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

fn broken(path: &str, trouble: Trouble) -> Refused {
    let path = path.to_owned();
    Refused::Broken { path, trouble }
}

fn moved(path: &str, document: &Document) -> Refused {
    let problem = "another object stands there now".to_owned();
    let line = document.segment.line;
    broken(path, Trouble { line, problem })
}

fn line_end(text: &str) -> &'static str {
    let first = text.find('\n').map(|at| &text[..at]);
    if first.is_some_and(|line| line.ends_with('\r')) {
        "\r\n"
    } else {
        "\n"
    }
}

fn with_line_ends_of(text: &str, new: String) -> String {
    match line_end(text) {
        "\n" => new,
        other => new.replace('\n', other),
    }
}

/// What goes with a document, in order: directives, from the marker to the end of the content, and the `...` where
/// nothing needs it.
fn removed_ranges(file: &File<'_>, number: usize, value: &Yaml) -> Vec<Range<usize>> {
    let segment = &file.documents[number].segment;
    let content = content_range(file.text, segment, value);
    let mut ranges = segment.directives.clone();
    let start = segment
        .marker
        .as_ref()
        .map_or(content.start, |marker| marker.start);
    ranges.push(start..content.end);
    let next = file.documents.get(number + 1).map(|next| &next.segment);
    let before = number
        .checked_sub(1)
        .and_then(|before| file.documents.get(before));
    // Between two documents something must separate: a `---` of the next one's own, and `...` before directives.
    let open = before.is_some_and(|before| before.segment.end_marker.is_none());
    let needed = open && next.is_some_and(|next| next.marker.is_none() || !next.directives.is_empty());
    ranges.extend(segment.end_marker.clone().filter(|_| !needed));
    ranges
}

/// Where the content stands: without the comments and blank lines around it, with its last line break.
fn content_range(text: &str, segment: &Segment, value: &Yaml) -> Range<usize> {
    let start = content_start(text, segment);
    start..content_end(text, segment, start, value)
}

fn content_start(text: &str, segment: &Segment) -> usize {
    let mut from = segment.whole.start;
    if let Some(marker) = &segment.marker {
        let line = lines(text, marker.end..segment.text_end()).next();
        let line = line.unwrap_or(marker.end..marker.end);
        if !is_blank_or_comment(&text[line.clone()]) {
            return marker.end;
        }
        from = line.end;
    }
    lines(text, from..segment.text_end())
        .find(|line| !is_blank_or_comment(&text[line.clone()]))
        .map_or(segment.text_end(), |line| line.start)
}

/// Comments behind the content look like the last lines of a block text. What may be left out without changing the
/// value is a comment; the shortest text that still says the same is found by halving.
fn content_end(text: &str, segment: &Segment, start: usize, value: &Yaml) -> usize {
    let mut cuts: Vec<usize> = Vec::new();
    for line in lines(text, start..segment.text_end()) {
        if !is_blank_or_comment(&text[line.clone()]) {
            cuts.clear();
        }
        cuts.push(line.end);
    }
    let says_the_same = |end: usize| {
        let cut = content_of(&text[segment.whole.start..end], 1, &mut Room::of_file());
        matches!(cut, Content::Value(said) if said == *value)
    };
    let found = cuts.partition_point(|end| !says_the_same(*end));
    cuts.get(found).copied().unwrap_or(segment.text_end())
}

//! The text of each operation, without what this Spacelift's schema is known to lack.
//!
//! A server refuses a document for one field it does not have. Which line is to blame, the error says by its place or by
//! the name; a line that is marked as optional is left out from then on.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::reply::ReplyError;

/// How a line ends that may be left out.
const OPTIONAL: &str = "# optional";

/// How long a lack is believed, since Spacelift is updated too. Asking again costs one refused request.
const BELIEVED: Duration = Duration::from_secs(3600);

/// What the schema lacks, by operation.
#[derive(Debug, Default)]
pub(super) struct Documents(Mutex<HashMap<&'static str, Lack>>);

#[derive(Debug)]
struct Lack {
    parts: BTreeSet<&'static str>,
    until: Instant,
}

/// An operation as it is sent.
#[derive(Debug)]
pub(super) struct Document {
    operation: &'static str,
    lines: Vec<&'static str>,
}

impl Documents {
    /// Returns the operation without what is lacking.
    pub(super) fn without_lacks(&self, operation: &'static str, whole: &'static str) -> Document {
        let mut known = self.0.lock();
        known.retain(|_, lack| Instant::now() < lack.until);
        let lack = known.get(operation);
        let is_lacking = |line: &'static str| {
            let part = optional_part(line);
            lack.zip(part)
                .is_some_and(|(lack, part)| lack.parts.contains(part))
        };
        let lines = whole.lines().filter(|line| !is_lacking(line)).collect();
        Document { operation, lines }
    }

    /// Remembers what the errors say the document should not have asked for, and returns it. Nothing means that what is
    /// lacking is needed.
    pub(super) fn learn(&self, document: &Document, errors: &[&ReplyError]) -> BTreeSet<&'static str> {
        let blamed: BTreeSet<_> = errors.iter().flat_map(|error| document.blamed(error)).collect();
        if !blamed.is_empty() {
            let mut known = self.0.lock();
            let lack = known.entry(document.operation).or_insert_with(|| Lack {
                parts: BTreeSet::new(),
                until: Instant::now() + BELIEVED,
            });
            lack.parts.extend(&blamed);
        }
        blamed
    }

    /// Whether some operation goes without this part.
    pub(super) fn lack(&self, part: &str) -> bool {
        self.0.lock().values().any(|lack| lack.parts.contains(part))
    }

    /// What is left out now, such as `ListStacks without viewer`.
    pub(super) fn lacks(&self) -> Vec<String> {
        let known = self.0.lock();
        let tell = |(operation, lack): (&&str, &Lack)| {
            let parts: Vec<_> = lack.parts.iter().copied().collect();
            format!("{operation} without {}", parts.join(", "))
        };
        let mut told: Vec<_> = known.iter().map(tell).collect();
        told.sort();
        told
    }
}

impl Document {
    /// The text, without its comments; lines keep their numbers.
    pub(super) fn text(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| without_comment(line)).collect();
        lines.join("\n")
    }

    /// Whether it has this optional part.
    pub(super) fn asks_for(&self, part: &str) -> bool {
        self.lines.iter().any(|line| optional_part(line) == Some(part))
    }

    /// The optional parts that the error is about: what stands at its place, else what it names.
    fn blamed(&self, error: &ReplyError) -> BTreeSet<&'static str> {
        let placed: BTreeSet<_> = error
            .lines()
            .filter_map(|number| self.lines.get(number.checked_sub(1)?))
            .filter_map(|line| optional_part(line))
            .collect();
        if !placed.is_empty() {
            return placed;
        }
        // What comes then are names that it does have.
        let message = error.message.split("Did you mean").next().unwrap_or_default();
        let named = names_in_prose(message);
        let is_named = |line: &&&str| names(without_comment(line)).any(|name| named.contains(&name));
        self.lines
            .iter()
            .filter(is_named)
            .filter_map(|line| optional_part(line))
            .collect()
    }
}

/// The name of what the line asks for, if it is marked as optional.
fn optional_part(line: &'static str) -> Option<&'static str> {
    names(line.split_once(OPTIONAL)?.0).next()
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}

/// Names stand between quotes, as other words such as "type" may be names too; without quotes each word may be one.
fn names_in_prose(message: &str) -> Vec<&str> {
    let parts: Vec<_> = message.split(['"', '\'', '`']).collect();
    let quoted = parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default();
    let quoted = quoted.iter().copied();
    let quoted: Vec<_> = quoted.filter(|part| names(part).eq([*part])).collect();
    if quoted.is_empty() {
        names(message).collect()
    } else {
        quoted
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|each: char| !each.is_ascii_alphanumeric() && each != '_')
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "# What it is for.\nquery Ask(\n$note: String # optional\n) {\n  viewer { id } # optional\n  \
                         named: viewer { name } # optional\n  stack {\n    id\n    lockNote # optional\n    type # optional\n    \
                         lockedBy # optional\n    act(\n      note: $note # optional\n    )\n  }\n}";

    fn learned(error: &str) -> (Vec<&'static str>, String) {
        let documents = Documents::default();
        let sent = documents.without_lacks("Ask", WHOLE);
        let error = serde_json::from_str(error).unwrap();
        let blamed = documents.learn(&sent, &[&error]).into_iter().collect();
        (blamed, documents.without_lacks("Ask", WHOLE).text())
    }

    #[test]
    fn what_a_server_lacks_is_left_out_in_any_wording() {
        for (error, parts) in [
            (
                r#"{"message":"Cannot query field \"lockNote\" on type \"Stack\"."}"#,
                vec!["lockNote"],
            ),
            (
                r#"{"message":"Field 'lockNote' doesn't exist on type 'Stack'"}"#,
                vec!["lockNote"],
            ),
            (r#"{"message":"There isn't a field 'type' here"}"#, vec!["type"]),
            (r#"{"message":"Unknown field lockNote"}"#, vec!["lockNote"]),
            (
                r#"{"message":"Cannot query field \"lockNote\" on type \"Stack\". Did you mean \"lockedBy\"?"}"#,
                vec!["lockNote"],
            ),
            (
                r#"{"message":"type `Stack` does not have a field `lockNote`"}"#,
                vec!["lockNote"],
            ),
            (
                r#"{"message":"no","locations":[{"line":9,"column":5}]}"#,
                vec!["lockNote"],
            ),
            (
                r#"{"message":"Unknown argument \"note\" on field \"act\" of type \"Stack\"."}"#,
                vec!["note"],
            ),
            (
                r#"{"message":"Cannot query field \"viewer\" on type \"Query\"."}"#,
                vec!["named", "viewer"],
            ),
            (
                r#"{"message":"Cannot query field \"name\" on type \"User\"."}"#,
                vec!["named"],
            ),
            (
                r#"{"message":"Cannot query field \"stack\" on type \"Query\"."}"#,
                vec![],
            ),
            (
                r#"{"message":"no","locations":[{"line":0},{"line":999},{"line":"x"},7]}"#,
                vec![],
            ),
        ] {
            let (blamed, text) = learned(error);
            assert_eq!(blamed, parts, "{error}");
            for part in parts {
                assert!(!names(&text).any(|name| name == part), "{part}: {text}");
            }
        }
    }

    #[test]
    fn the_text_has_no_comments_and_keeps_its_lines() {
        let text = Documents::default().without_lacks("Ask", WHOLE).text();
        assert!(
            !text.contains('#') && text.lines().nth(8) == Some("    lockNote"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lack_is_of_one_operation_and_forgotten_after_an_hour() {
        let documents = Documents::default();
        let lacking = serde_json::from_str(r#"{"message":"lockNote"}"#).unwrap();
        documents.learn(&documents.without_lacks("Ask", WHOLE), &[&lacking]);
        assert_eq!(documents.lacks(), ["Ask without lockNote"]);
        assert!(documents.without_lacks("Other", WHOLE).asks_for("lockNote"));
        tokio::time::advance(BELIEVED).await;
        assert!(documents.without_lacks("Ask", WHOLE).asks_for("lockNote"));
    }
}

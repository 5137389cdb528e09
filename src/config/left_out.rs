//! Values that are written down and missing all the same: a variable that is not set, a file that is not there.

use std::path::{Path, PathBuf};

use super::{
    reader::Layer,
    value::{Object, Value},
};

/// A value that the loader had to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its full key, such as `a.b[0].c`.
    pub key: String,
    /// Why it is not there.
    pub cause: Cause,
    /// Where it is written: the file or URL.
    pub file: PathBuf,
    /// The file named on the command line, when that one includes `file`.
    pub included_by: Option<PathBuf>,
    /// The layer that would have held it.
    pub(super) layer: usize,
}

/// Why a value is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// This environment variable is not set.
    Variable(String),
    /// `$file` or `$include` could not be followed; in the loader's words.
    Include(String),
}

impl LeftOut {
    /// Says why it is not there and where it is written.
    pub fn reason(&self) -> String {
        let place = self.place();
        match &self.cause {
            Cause::Variable(name) => format!("the environment variable {name} is not set ({place})"),
            Cause::Include(problem) => format!("{problem} ({place})"),
        }
    }

    /// A sentence about it.
    pub(super) fn notice(&self) -> String {
        let (key, reason) = (&self.key, self.reason());
        match self.cause {
            Cause::Variable(_) => format!("{key} is left out because {reason}"),
            Cause::Include(_) => format!("{key} is left out, which Stagedoor does not read: {reason}"),
        }
    }

    pub(super) fn is_include(&self) -> bool {
        matches!(self.cause, Cause::Include(_))
    }

    fn place(&self) -> String {
        let file = self.file.display();
        match &self.included_by {
            Some(top) => format!("asked for in {file}, which {} includes", top.display()),
            None => format!("asked for in {file}"),
        }
    }
}

/// Keeps what is missing from the merged configuration, one entry for a key, in the order of the keys.
pub(super) fn from_merged(mut all: Vec<LeftOut>, layers: &[Layer]) -> Vec<LeftOut> {
    all.retain(|one| is_missing(one, layers));
    // Of the files that all leave a key out, the last would have decided.
    all.sort_by(|one, other| (&one.key, other.layer).cmp(&(&other.key, one.layer)));
    all.dedup_by(|next, kept| next.key == kept.key);
    all
}

/// Whether no other layer gives a value, or takes away what the value belongs to.
fn is_missing(one: &LeftOut, layers: &[Layer]) -> bool {
    let (path, in_list) = match one.key.split_once('[') {
        Some((list, _)) => (list, true),
        None => (one.key.as_str(), false),
    };
    let above = layers.iter().skip(one.layer + 1);
    if above
        .map(|layer| found(&layer.data, path))
        .any(|found| found != Found::Nothing)
    {
        return false;
    }
    // A list is one layer's alone.
    let below = layers.iter().take(one.layer).rev();
    let decides = below
        .map(|layer| found(&layer.data, path))
        .find(|found| *found != Found::Nothing);
    in_list || decides != Some(Found::Value)
}

/// What a layer says about a key.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Value,
    /// Null, or something else stands where the mapping around it would be.
    Hidden,
}

fn found(data: &Object, path: &str) -> Found {
    let mut mapping = data;
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        match (mapping.get(step), steps.peek()) {
            (None, _) => return Found::Nothing,
            (Some(Value::Object(inner)), Some(_)) => mapping = inner,
            (Some(Value::Null), _) | (Some(_), Some(_)) => return Found::Hidden,
            (Some(_), None) => return Found::Value,
        }
    }
    Found::Nothing
}

/// Splits the files now being read into the one at work and the one that was named on the command line.
pub(super) fn place(files: &[(PathBuf, String)], named: &Path) -> (PathBuf, Option<PathBuf>) {
    match files {
        [(top, _), .., (file, _)] if top != file => (file.clone(), Some(top.clone())),
        [(file, _), ..] => (file.clone(), None),
        [] => (named.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json;

    /// The keys that count as missing, when `layer` of these layers could not give `key`.
    fn missing(layers: &[&str], (layer, key): (usize, &str)) -> bool {
        let parsed = layers.iter().map(|text| match json::parse(text) {
            Ok(Value::Object(data)) => Layer {
                context: String::new(),
                data,
            },
            _ => panic!("{text}"),
        });
        let one = LeftOut {
            key: key.to_owned(),
            cause: Cause::Variable("X".to_owned()),
            file: PathBuf::new(),
            included_by: None,
            layer,
        };
        !from_merged(vec![one], &parsed.collect::<Vec<_>>()).is_empty()
    }

    #[test]
    fn only_what_the_merged_configuration_lacks_is_missing() {
        let nothing = r#"{"a":{}}"#;
        for (layers, key, expected) in [
            ([nothing, nothing], (0, "a.b"), true),
            ([nothing, r#"{"a":{"b":1}}"#], (0, "a.b"), false),
            ([nothing, r#"{"a":{"b":null}}"#], (0, "a.b"), false),
            ([nothing, r#"{"a":null}"#], (0, "a.b"), false),
            ([nothing, r#"{"a":"text"}"#], (0, "a.b"), false),
            ([nothing, r#"{"c":1}"#], (0, "a.b"), true),
            ([r#"{"a":{"b":1}}"#, nothing], (1, "a.b"), false),
            ([r#"{"a":{"b":null}}"#, nothing], (1, "a.b"), true),
            ([r#"{"a":[{}]}"#, r#"{"a":[]}"#], (0, "a[0].b"), false),
            ([r#"{"a":[{}]}"#, r#"{"c":1}"#], (0, "a[0].b"), true),
            ([r#"{"a":[{"b":1}]}"#, r#"{"a":[{}]}"#], (1, "a[0].b"), true),
        ] {
            assert_eq!(missing(&layers, key), expected, "{layers:?} {key:?}");
        }
    }
}

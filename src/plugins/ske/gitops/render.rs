//! Writes one object as a document that every reader reads alike.

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use super::documents::{Content, content_of};
use crate::config::{from_json, yaml};

/// A field we would not see again: our reader of YAML leaves it out, as JavaScript's does.
const UNREAD_KEY: &str = "__proto__";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Block YAML.
    Yaml,
    /// Indented JSON.
    Json,
}

impl Format {
    /// What the readers of a file expect by its name.
    pub(super) fn of(path: &str) -> Self {
        if path.ends_with(".json") {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Writes the object with a line break at the end, and reads it back under YAML 1.1 and 1.2 before returning it.
///
/// # Errors
/// The object cannot be written so that both read what was meant.
pub(super) fn render(object: &Value, format: Format) -> Result<String, String> {
    if holds_unread_key(object) {
        return Err(format!("no field of it may be called '{UNREAD_KEY}'"));
    }
    let text = match format {
        Format::Yaml => block_yaml(object)?,
        Format::Json => json(object)?,
    };
    let meant = from_json(object.clone());
    let read = yaml::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    if read.as_ref() != Some(&meant) {
        return Err("it would read differently under YAML 1.2".to_owned());
    }
    match content_of(&text, 1) {
        Content::Value(read) if read == meant => Ok(text),
        _ => Err("it would read differently under YAML 1.1".to_owned()),
    }
}

fn block_yaml(object: &Value) -> Result<String, String> {
    // Long texts stay on one line, where a difference shows what changed.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let text = serde_saphyr::to_string_with_options(&Node(object), options);
    let text = text.map_err(|error| error.to_string())?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// JSON whose texts hold only characters that YAML takes as they are.
fn json(object: &Value) -> Result<String, String> {
    let text = serde_json::to_string_pretty(object).map_err(|error| error.to_string())?;
    let mut safe = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => safe.push(other),
        }
    }
    safe.push('\n');
    Ok(safe)
}

fn holds_unread_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_unread_key),
        Value::Object(entries) => entries.contains_key(UNREAD_KEY) || entries.values().any(holds_unread_key),
        _ => false,
    }
}

/// A value whose texts are quoted where the writer's own choice is not read alike everywhere.
struct Node<'a>(&'a Value);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if is_delicate(text) => DoubleQuoted(text).serialize(serializer),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Node(item))?;
                }
                list.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, entry) in entries {
                    map.serialize_entry(key, &Node(entry))?;
                }
                map.end()
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// Block texts with blanks at the edges of lines (npm `yaml` misreads some), and what may be a number to the base 60.
fn is_delicate(text: &str) -> bool {
    let blank = |c: char| c == ' ' || c == '\t';
    let ragged = |line: &str| line.starts_with('\t') || line.ends_with(blank);
    let edge = text.starts_with(|c: char| blank(c) || c == '\n');
    let block = text.contains('\n') && (edge || text.split('\n').any(ragged));
    block
        || (text.contains(':')
            && text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_block_yaml_in_the_order_of_its_fields() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {}},
            "data": {"script": "one\ntwo\n", "long": "x ".repeat(60) + "x"}, "list": [{"a": 1, "b": [2.5, null]}, []],
        });
        let long = "x ".repeat(60) + "x";
        assert_eq!(
            render(&object, Format::Yaml).unwrap(),
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {{}}\ndata:\n  script: |\n    one\n    \
                 two\n  long: {long}\nlist:\n- a: 1\n  b:\n  - 2.5\n  - null\n- []\n"
            )
        );
    }

    #[test]
    fn texts_that_some_reader_takes_for_something_else_are_quoted() {
        for text in [
            "yes",
            "on",
            "y",
            "No",
            "OFF",
            "1_000",
            "12:30",
            "0:0",
            "014",
            "0o14",
            "0x1F",
            "1e3",
            "1.",
            ".5",
            "2026-01-31",
            "2026-01-31T10:00:00Z",
            "~",
            "null",
            "<<",
            "=",
            "",
            " a",
            "a ",
            "#a",
            "a #b",
            "- a",
            "a: b",
            "true",
            ".inf",
            "0b11",
            "+1",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "---",
            "...",
            "[",
            "{",
            "\"",
            "'",
            "a\n ",
            "\ta",
        ] {
            let written = render(&json!({ "a": text }), Format::Yaml).unwrap();
            let shown = written.strip_prefix("a: ").unwrap();
            assert!(shown.starts_with(['"', '\'']), "{text:?}: {written}");
        }
        for text in [
            "small",
            "10Gi",
            "v1.2.3",
            "a-b",
            "redis:7",
            "https://example.com/a?b=c#d",
        ] {
            assert_eq!(
                render(&json!({ "a": text }), Format::Yaml).unwrap(),
                format!("a: {text}\n")
            );
        }
    }

    #[test]
    fn json_holds_no_character_that_yaml_readers_trip_over() {
        let object = json!({"a": "\u{85}\u{2028}\u{feff}\u{7f}ü😀\t\n\u{0}"});
        let written = render(&object, Format::Json).unwrap();
        assert_eq!(
            written,
            "{\n  \"a\": \"\\u0085\\u2028\\ufeff\\u007fü😀\\t\\n\\u0000\"\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), object);
    }

    #[test]
    fn the_name_of_a_file_tells_its_format() {
        assert_eq!(Format::of("a/b.json"), Format::Json);
        assert_eq!(Format::of("a/b.yaml"), Format::Yaml);
        assert_eq!(Format::of("a/b.yml"), Format::Yaml);
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9+._:eExob-]{1,4}",
            "[ \\t\\n#:ab|>'\"-]{0,8}",
            "\\PC{0,6}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_value_item_and_key(text in texts(), other in texts()) {
            let object = json!({"spec": {text.clone(): [other, {"a": text}]}});
            for format in [Format::Yaml, Format::Json] {
                let written = render(&object, format);
                prop_assert!(written.is_ok() || text == UNREAD_KEY, "{written:?}");
            }
        }
    }
}

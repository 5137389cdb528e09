//! Writes a value so that every reader reads it alike.

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use super::{Dialect, Room, YamlError, parse_documents};
use crate::config::from_json;

/// A key we would not see again: our reader leaves it out, as JavaScript's does.
const UNREAD_KEY: &str = "__proto__";

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Block YAML, two spaces a level, long texts on one line.
    Block,
    /// JSON, two spaces a level; it is YAML as well.
    Json,
}

/// Writes the value with a line break at the end, and reads it back under YAML 1.1 and 1.2 before returning it.
///
/// # Errors
/// A key is `__proto__`, or the two would read something else than was meant.
pub fn write(value: &Value, form: Form) -> Result<String, YamlError> {
    if holds_unread_key(value) {
        let message = format!("no key of it may be '{UNREAD_KEY}'");
        return Err(YamlError::new(&message, None));
    }
    let text = match form {
        Form::Block => block(value),
        Form::Json => Ok(json(value)),
    };
    let text = text.map_err(|problem| YamlError::new(&problem, None))?;
    let meant = [from_json(value.clone())];
    for (dialect, name) in [(Dialect::Core, "1.2"), (Dialect::Yaml11, "1.1")] {
        if parse_documents(text.as_bytes(), dialect, &mut Room::of_operator())? != meant {
            let message = format!("it would read differently under YAML {name}");
            return Err(YamlError::new(&message, None));
        }
    }
    Ok(text)
}

fn block(value: &Value) -> Result<String, String> {
    // Long texts stay on one line, where a difference shows what changed.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let text = serde_saphyr::to_string_with_options(&Node(value), options);
    let text = text.map_err(|error| error.to_string())?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// JSON that is YAML 1.1 too, in its characters and in its numbers.
fn json(value: &Value) -> String {
    let mut text = String::new();
    json_node(value, "\n", &mut text);
    text.push('\n');
    text
}

/// `line` is a line break and the indentation of the line the node stands on.
fn json_node(value: &Value, line: &str, text: &mut String) {
    let inner = format!("{line}  ");
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "[" } else { "," });
                text.push_str(&inner);
                json_node(item, &inner, text);
            }
            text.push_str(line);
            text.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            for (index, (key, entry)) in entries.iter().enumerate() {
                text.push_str(if index == 0 { "{" } else { "," });
                text.push_str(&inner);
                text.push_str(&json_text(key));
                text.push_str(": ");
                json_node(entry, &inner, text);
            }
            text.push_str(line);
            text.push('}');
        }
        Value::String(inner) => text.push_str(&json_text(inner)),
        Value::Number(number) => text.push_str(&json_number(&number.to_string())),
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// A text with escapes for what YAML does not take as it is.
fn json_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 2);
    for letter in Value::from(text).to_string().chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// To YAML 1.1, `1e-7` is text: an exponent wants a dot before it and a sign.
fn json_number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
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
            write(&object, Form::Block).unwrap(),
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
            let written = write(&json!({ "a": text }), Form::Block).unwrap();
            let shown = written.strip_prefix("a: ").unwrap();
            assert!(shown.starts_with(['"', '\'']), "{text:?}: {written}");
        }
    }

    #[test]
    fn texts_that_every_reader_takes_for_text_stand_as_they_are() {
        for text in [
            "small",
            "10Gi",
            "v1.2.3",
            "a-b",
            "redis:7",
            "https://example.com/a?b=c#d",
        ] {
            assert_eq!(
                write(&json!({ "a": text }), Form::Block).unwrap(),
                format!("a: {text}\n")
            );
        }
    }

    #[test]
    fn json_holds_no_character_that_yaml_readers_trip_over() {
        let object = json!({"a": "\u{85}\u{2028}\u{feff}\u{7f}ü😀\t\n\u{0}"});
        let written = write(&object, Form::Json).unwrap();
        assert_eq!(
            written,
            "{\n  \"a\": \"\\u0085\\u2028\\ufeff\\u007fü😀\\t\\n\\u0000\"\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), object);
    }

    #[test]
    fn json_is_indented_and_its_exponents_are_numbers_to_yaml_1_1() {
        let object = json!({"a": [1e-7, 1e30, 1.5e-10, 0.5, -3], "b": {}, "c": [], "d": {"e": [null, true]}});
        assert_eq!(
            write(&object, Form::Json).unwrap(),
            "{\n  \"a\": [\n    1.0e-7,\n    1.0e+30,\n    1.5e-10,\n    0.5,\n    -3\n  ],\n  \"b\": {},\n  \"c\": [],\n  \
             \"d\": {\n    \"e\": [\n      null,\n      true\n    ]\n  }\n}\n"
        );
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
            for form in [Form::Block, Form::Json] {
                let written = write(&object, form);
                prop_assert!(written.is_ok() || text == UNREAD_KEY, "{written:?}");
            }
        }
    }
}

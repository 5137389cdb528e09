//! Mapping keys: when two are the same, and the text each becomes.

use std::collections::HashSet;

use crate::config::{js, value::Value};

/// Finds duplicates among the scalar keys of one mapping.
///
/// Keys are compared by what they stand for: `1` and `0x1` clash, `1` and `"1"` do not, and NaN equals nothing.
#[derive(Default)]
pub(super) struct SeenKeys(HashSet<Identity>);

#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Null,
    Bool(bool),
    Number(u64),
    Integer(i128),
    Text(String),
}

impl SeenKeys {
    /// Returns false when the key was there before.
    pub(super) fn insert(&mut self, key: &Value) -> bool {
        let identity = match key {
            Value::Null => Identity::Null,
            Value::Bool(flag) => Identity::Bool(*flag),
            Value::Number(number) if number.is_nan() => return true,
            // Adding zero makes one of the two zeros.
            Value::Number(number) => Identity::Number((number + 0.0).to_bits()),
            Value::Integer(number) => Identity::Integer(*number),
            Value::String(text) => Identity::Text(text.clone()),
            Value::Array(_) | Value::Object(_) => return true,
        };
        self.0.insert(identity)
    }
}

/// Returns the text a key becomes in a JavaScript object.
pub(super) fn text(key: &Value) -> String {
    match key {
        Value::Null => String::new(),
        other => flow(other),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => js::number_text(*number),
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Array(items) => format!("[ {} ]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

//! Configuration from JSON text, for the tests of this folder.

use crate::config::{ConfigReader, Layer, Value};

/// A reader over one layer called `test`.
pub(crate) fn config(json: &str) -> ConfigReader {
    let Value::Object(data) = value(serde_json::from_str(json).unwrap()) else {
        panic!("a configuration is a mapping");
    };
    ConfigReader::new(vec![Layer {
        context: "test".to_owned(),
        data,
    }])
}

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap()),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        serde_json::Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, entry)| (key, value(entry)))
                .collect(),
        ),
    }
}

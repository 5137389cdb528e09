//! What the unit tests of this plugin share.

use crate::config::{ConfigReader, Layer, Object, Value};

use super::config::Config;

/// A reader over app-config written as JSON.
pub(super) fn reader(json: &str) -> ConfigReader {
    let Value::Object(data) = convert(serde_json::from_str(json).unwrap()) else {
        panic!("not a mapping")
    };
    ConfigReader::new(vec![Layer {
        context: "app-config.yaml".into(),
        data,
    }])
}

/// A configuration whose host nobody answers on.
pub(super) fn config() -> Config {
    let section = r#"{"spacelift":{"hostUrl":"http://127.0.0.1:9","apiKey":"key","apiSecret":"secret"}}"#;
    Config::read(&reader(section)).unwrap()
}

/// Lets other tasks work until the condition holds.
pub(super) async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the condition never held");
}

fn convert(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap()),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::Array(items.into_iter().map(convert).collect()),
        Json::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, convert(value)))
                .collect::<Object>(),
        ),
    }
}

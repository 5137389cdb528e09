//! What the unit tests of the configuration share.

use super::Config;
use crate::config::{ConfigReader, Layer, Value, from_json};

/// A reader over app-config written as JSON.
pub(super) fn reader(json: &serde_json::Value) -> ConfigReader {
    let Value::Object(data) = from_json(json.clone()) else {
        panic!("not a mapping")
    };
    ConfigReader::new(vec![Layer {
        context: "app-config.yaml".into(),
        data,
    }])
}

/// The configuration, or its problems as text.
pub(super) fn read(json: &serde_json::Value) -> Result<Config, Vec<String>> {
    Config::read(&reader(json)).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The problems of a configuration that must have some.
#[track_caller]
pub(super) fn problems(json: &serde_json::Value) -> Vec<String> {
    match read(json) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(problems) => problems,
    }
}

//! Configuration from JSON text, for the tests of this folder and of its neighbours.

use crate::config::{ConfigReader, Layer, Value, from_json};

/// A reader over one layer called `test`.
pub(crate) fn config(json: &str) -> ConfigReader {
    let Value::Object(data) = from_json(serde_json::from_str(json).unwrap()) else {
        panic!("a configuration is a mapping");
    };
    let context = "test".to_owned();
    ConfigReader::new(vec![Layer { context, data }])
}

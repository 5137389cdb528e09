//! What a load and a list of reads come to, in the words of the recorded cases.

use std::path::Path;

use serde_json::{Value as Json, json};
use stagedoor::config::{self, ConfigError, ConfigReader, LoadOptions, Value};

/// Loads, reads, and writes down what happened; the folder's own path becomes `<dir>`.
pub(super) async fn of(options: &LoadOptions, reads: &[Json], dir: &Path) -> Json {
    let loaded = match config::load(options).await {
        Ok(loaded) => loaded,
        Err(error) => return json!({ "error": scrub(&error, dir) }),
    };
    let reader = loaded.into_reader();
    let merged = reader
        .get("")
        .map(|value| value.map_or(json!({}), |value| encode(&value)));
    let reads: Vec<_> = reads.iter().map(|read| perform(&reader, read, dir)).collect();
    match merged {
        Ok(config) => json!({ "config": config, "reads": reads }),
        Err(error) => json!({ "error": scrub(&error, dir) }),
    }
}

/// Numbers are doubles in both: makes two outcomes comparable whatever way JSON wrote them.
pub(super) fn comparable(outcome: &Json) -> Value {
    config::from_json(as_doubles(outcome))
}

fn as_doubles(json: &Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().into(),
        Json::Array(items) => items.iter().map(as_doubles).collect(),
        Json::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), as_doubles(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Whether ours is what was recorded; a parser's own words may differ.
pub(super) fn agrees(expected: &Json, actual: &Json) -> bool {
    let Some(message) = expected["error"].as_str() else {
        let mut expected = expected.clone();
        expected
            .as_object_mut()
            .unwrap()
            .entry("reads")
            .or_insert(json!([]));
        forget_durations(&mut expected);
        return comparable(&expected) == comparable(actual);
    };
    let Some(ours) = actual["error"].as_str() else {
        return false;
    };
    match expected["kind"].as_str().unwrap() {
        "config" => message == ours,
        "syntax" => same_place(message, ours),
        "hang" => true,
        other => panic!("unknown kind {other}"),
    }
}

/// The real loader repeats a text that is no duration; ours names the key only, because any value may be a secret.
fn forget_durations(expected: &mut Json) {
    for read in expected["reads"].as_array_mut().into_iter().flatten() {
        let message = read["error"].as_str().unwrap_or_default();
        let parts = message
            .split_once(" '")
            .zip(message.split_once("' in config at "));
        if let Some((("Invalid duration", _), (_, rest))) = parts {
            read["error"] = format!("Invalid duration in config at {rest}").into();
        }
    }
}

/// A parser's own words differ; what the loader says before them must not.
fn same_place(message: &str, ours: &str) -> bool {
    let Some((before, after)) = message.split_once("failed to parse included file ") else {
        return true;
    };
    let file = after.split(',').next().unwrap();
    ours.starts_with(&format!("{before}failed to parse included file {file}, "))
}

fn scrub(error: &ConfigError, dir: &Path) -> String {
    error.to_string().replace(&dir.display().to_string(), "<dir>")
}

/// JSON has no infinities and no NaN; the recorded cases write them like this.
fn encode(value: &Value) -> Json {
    match value {
        Value::Number(number) if number.is_nan() => json!({ "$nonFinite": "NaN" }),
        Value::Number(number) if *number == f64::INFINITY => json!({ "$nonFinite": "Infinity" }),
        Value::Number(number) if number.is_infinite() => json!({ "$nonFinite": "-Infinity" }),
        Value::Array(items) => items.iter().map(encode).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), encode(value)))
            .collect(),
        other => config::to_json(other),
    }
}

fn perform(reader: &ConfigReader, read: &Json, dir: &Path) -> Json {
    let method = read[0].as_str().unwrap();
    let key = &read[1];
    let mut entry = json!({ "method": method, "key": key });
    match call(reader, method, key.as_str().unwrap_or_default()) {
        Ok(Some(value)) => entry["value"] = value,
        Ok(None) => entry["absent"] = json!(true),
        Err(error) => entry["error"] = json!(scrub(&error, dir)),
    }
    entry
}

type Answer = Result<Option<Json>, ConfigError>;

fn call(reader: &ConfigReader, method: &str, key: &str) -> Answer {
    let number = |number: f64| encode(&Value::Number(number));
    let whole = |reader: ConfigReader| encode(&reader.get("").unwrap().unwrap());
    let list = |readers: Vec<ConfigReader>| readers.into_iter().map(whole).collect::<Json>();
    Ok(match method {
        "has" => Some(json!(reader.has(key))),
        "keys" => Some(json!(reader.keys())),
        "getOptional" => reader.get(key)?.as_ref().map(encode),
        "getString" => Some(json!(reader.string(key)?)),
        "getOptionalString" => reader.optional_string(key)?.map(Json::from),
        "getNumber" => Some(number(reader.number(key)?)),
        "getOptionalNumber" => reader.optional_number(key)?.map(number),
        "getBoolean" => Some(json!(reader.boolean(key)?)),
        "getOptionalBoolean" => reader.optional_boolean(key)?.map(Json::from),
        "getStringArray" => Some(json!(reader.string_array(key)?)),
        "getOptionalStringArray" => reader.optional_string_array(key)?.map(Json::from),
        "getConfig" => Some(whole(reader.config(key)?)),
        "getOptionalConfig" => reader.optional_config(key)?.map(whole),
        "getConfigArray" => Some(list(reader.config_array(key)?)),
        "getOptionalConfigArray" => reader.optional_config_array(key)?.map(list),
        "readDuration" => Some(number(reader.duration(key)?.as_secs_f64() * 1000.0)),
        other => panic!("no getter stands for {other}"),
    })
}

//! Keys in our own sections that mean nothing to us: usually a typing mistake, so they are told once at the start.

use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::config::{ConfigReader, Object, Value};

/// The schema a portal may add to its own strict check; here it says which keys there are.
static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schema/app-config.schema.json")).unwrap_or(Json::Null)
});

/// Returns the full path of every key below our sections that nobody knows.
///
/// They are warned of and not refused, because the file is shared with the frontend and with Backstage itself.
pub(super) fn find(reader: &ConfigReader) -> Vec<String> {
    let mut unknown = Vec::new();
    for (section, schema) in SCHEMA["properties"].as_object().into_iter().flatten() {
        if let Ok(Some(Value::Object(found))) = reader.get(section) {
            walk(&found, schema, section, &mut unknown);
        }
    }
    unknown
}

fn walk(found: &Object, schema: &Json, path: &str, unknown: &mut Vec<String>) {
    let Some(known) = schema["properties"].as_object() else {
        return;
    };
    for (key, value) in found {
        let path = format!("{path}.{key}");
        match (known.get(key), value) {
            (None, _) => unknown.push(path),
            (Some(schema), Value::Object(inner)) => walk(inner, schema, &path, unknown),
            (Some(schema), Value::Array(items)) => walk_items(items, &schema["items"], &path, unknown),
            _ => {}
        }
    }
}

fn walk_items(items: &[Value], schema: &Json, path: &str, unknown: &mut Vec<String>) {
    for (index, item) in items.iter().enumerate() {
        if let Value::Object(inner) = item {
            walk(inner, schema, &format!("{path}[{index}]"), unknown);
        }
    }
}

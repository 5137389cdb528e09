//! Merges the layers: mappings key by key, lists replaced, null removes.

use super::{
    js,
    value::{Object, Value},
};

/// Merges the values of one key, lowest layer first; `None` is a layer that does not have the key.
pub(super) fn merge<'a>(layers: impl IntoIterator<Item = Option<&'a Value>>) -> Option<Value> {
    layers.into_iter().fold(None, |below, value| match value {
        None => below,
        Some(value) => over(value, below.as_ref()),
    })
}

/// Puts a value over what is below it. Null cuts it off; what is inside a list is left as it is.
fn over(value: &Value, below: Option<&Value>) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(object) => {
            let below = below.and_then(Value::as_object);
            Some(Value::Object(objects(object, below)))
        }
        other => Some(other.clone()),
    }
}

fn objects(object: &Object, below: Option<&Object>) -> Object {
    let mut merged = Object::with_capacity(object.len());
    for (key, value) in object {
        let below = below.and_then(|below| below.get(key));
        merged.extend(over(value, below).map(|value| (key.clone(), value)));
    }
    for (key, value) in below.into_iter().flatten() {
        if !object.contains_key(key) {
            merged.insert(key.clone(), value.clone());
        }
    }
    js::order_keys(&mut merged);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json;

    fn merged(layers: &[&str]) -> String {
        let layers: Vec<_> = layers.iter().map(|text| json::parse(text).unwrap()).collect();
        let value = merge(layers.iter().map(Some));
        value.map_or("nothing".to_owned(), |value| json::to_json(&value).to_string())
    }

    #[test]
    fn mappings_merge_and_lists_replace() {
        assert_eq!(
            merged(&[r#"{"a":{"x":1,"l":[1,2]}}"#, r#"{"a":{"y":2,"l":[3]}}"#]),
            r#"{"a":{"y":2,"l":[3],"x":1}}"#
        );
    }

    #[test]
    fn null_removes_and_cuts_off_lower_layers() {
        assert_eq!(
            merged(&[r#"{"a":{"x":1}}"#, r#"{"a":null}"#, r#"{"a":{"y":1}}"#]),
            r#"{"a":{"y":1}}"#
        );
        assert_eq!(merged(&[r#"{"a":1}"#, "null"]), "nothing");
        assert_eq!(
            merged(&[r#"{"a":[null,{"b":null}]}"#]),
            r#"{"a":[null,{"b":null}]}"#
        );
    }
}

//! One app-config value as JavaScript would hold it: every number is a double. A manifest's may be an integer besides.

use indexmap::IndexMap;

/// From here on a double may stand for another integer than was written.
const FIRST_LARGE: u128 = 1 << 53;

/// An ordered mapping; keys are always text, as in JavaScript.
pub type Object = IndexMap<String, Value>;

/// A raw configuration value. Unlike `serde_json::Value` it can hold infinities and NaN, which YAML can write.
///
/// Any value may be a secret, so its debug form shows the keys and the types only.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// YAML null. In a merged object it removes the key; inside arrays it stays.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A double.
    Number(f64),
    /// An integer that no double need hold, of 64 bits with or without a sign; read from manifests alone.
    Integer(i128),
    /// Text, after substitution.
    String(String),
    /// A list; lists are never merged.
    Array(Vec<Value>),
    /// A mapping; merged key by key.
    Object(Object),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Array(items) => formatter.debug_list().entries(items).finish(),
            Value::Object(entries) => formatter.debug_map().entries(entries).finish(),
            scalar => formatter.write_str(scalar.type_name()),
        }
    }
}

impl Value {
    /// Returns the name Backstage uses for this type in its messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_nan() => "nan",
            Value::Number(_) | Value::Integer(_) => "number",
            Value::String(text) if text.is_empty() => "empty-string",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// An integer from where doubles are no longer exact, if it has 64 bits.
    pub(super) fn of_large(number: i128) -> Option<Self> {
        let has_64_bits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number);
        let is_large = number.unsigned_abs() >= FIRST_LARGE;
        (has_64_bits && is_large).then_some(Self::Integer(number))
    }

    /// Returns the mapping, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_shows_keys_and_types_and_no_value() {
        let list = Value::Array(vec![Value::String("hunter2".to_owned()), Value::Number(8731.0)]);
        let value = Value::Object(Object::from([("token".to_owned(), list)]));
        assert_eq!(format!("{value:?}"), r#"{"token": [string, number]}"#);
    }
}

//! JSON in and out, with JavaScript's idea of a number.

use serde_json::Number;

use super::{
    js,
    value::{Object, Value},
};

/// Integers up to this size are exact in a double and print without a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses strict JSON; the error says where, never what.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|value| converted(value, double))
}

/// Converts a JSON value; integers stay what they are.
pub fn from_json(value: serde_json::Value) -> Value {
    converted(value, exact)
}

fn double(number: &Number) -> Value {
    Value::Number(number.as_f64().unwrap_or(f64::NAN))
}

fn exact(number: &Number) -> Value {
    let integer = number
        .as_i64()
        .map(i128::from)
        .or(number.as_u64().map(i128::from));
    integer
        .and_then(Value::of_large)
        .unwrap_or_else(|| double(number))
}

fn converted(value: serde_json::Value, number: fn(&Number) -> Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(given) => number(&given),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => {
            let items = items.into_iter();
            Value::Array(items.map(|item| converted(item, number)).collect())
        }
        serde_json::Value::Object(entries) => {
            let entries = entries.into_iter().filter(|(key, _)| key != "__proto__");
            let mut object: Object = entries
                .map(|(key, value)| (key, converted(value, number)))
                .collect();
            js::order_keys(&mut object);
            Value::Object(object)
        }
    }
}

/// Converts as `JSON.stringify` does: `1` and not `1.0`; infinities and NaN become null.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => (*number as i64).into(),
        Value::Number(number) => Number::from_f64(*number).into(),
        Value::Integer(number) => Number::from_i128(*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), to_json(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        let text = r#"{"a":1.0,"b":1e3,"c":0.5,"d":-0}"#;
        assert_eq!(
            to_json(&parse(text).unwrap()).to_string(),
            r#"{"a":1,"b":1000,"c":0.5,"d":0}"#
        );
        assert_eq!(to_json(&Value::Number(f64::INFINITY)), serde_json::Value::Null);
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_and_index_keys_come_first() {
        assert_eq!(
            to_json(&parse(r#"{"b":1,"b":2,"1":3}"#).unwrap()).to_string(),
            r#"{"1":3,"b":2}"#
        );
    }
}

//! Whether a live object is as somebody wanted it.

use serde_json::{Number, Value};

/// Whether everything that is wanted is so. The API server adds what nobody wanted, and drops what is null.
pub(super) fn holds(live: &Value, wanted: &Value) -> bool {
    match (wanted, live) {
        (Value::Null, _) => true,
        (Value::Object(wanted), Value::Object(live)) => wanted
            .iter()
            .all(|(field, wanted)| holds(live.get(field).unwrap_or(&Value::Null), wanted)),
        (Value::Object(wanted), Value::Null) => wanted.values().all(Value::is_null),
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len() && live.iter().zip(wanted).all(|(live, wanted)| holds(live, wanted))
        }
        // 1 and 1.0 are the same number.
        (Value::Number(wanted), Value::Number(live)) => {
            let whole = |number: &Number| number.is_i64() || number.is_u64();
            wanted == live || (!(whole(wanted) && whole(live)) && wanted.as_f64() == live.as_f64())
        }
        (wanted, live) => wanted == live,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_added_or_dropped_makes_no_difference() {
        let live = json!({"size": "small", "replicas": 1, "backup": {"keep": 7, "at": "01:00"}, "ports": [{"port": 80, "protocol": "TCP"}]});
        for wanted in [
            json!(null),
            json!({}),
            json!({"size": "small"}),
            json!({"replicas": 1.0, "gone": null, "empty": {}}),
            json!({"backup": {"keep": 7}, "ports": [{"port": 80}]}),
        ] {
            assert!(holds(&live, &wanted), "{wanted}");
        }
    }

    #[test]
    fn whatever_is_wanted_otherwise_does() {
        let live = json!({"size": "small", "replicas": 1, "large": 9_007_199_254_740_993_u64, "backup": {"keep": 7},
            "ports": [{"port": 80}]});
        for wanted in [
            json!({"size": "large"}),
            json!({"replicas": "1"}),
            json!({"large": 9_007_199_254_740_992_u64}),
            json!({"new": true}),
            json!({"new": {"keep": 7}}),
            json!({"backup": {"keep": 8}}),
            json!({"backup": [7]}),
            json!({"ports": []}),
            json!({"ports": [{"port": 80}, {"port": 81}]}),
            json!({"ports": [{"port": 81}]}),
        ] {
            assert!(!holds(&live, &wanted), "{wanted}");
        }
        assert!(!holds(&Value::Null, &json!({"size": "small"})));
    }
}

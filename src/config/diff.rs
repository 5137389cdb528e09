//! Which keys two configurations differ in.

use super::value::{Object, Value};

/// Returns the dotted paths of all values that differ, down to the deepest mapping; lists count as one value.
pub(super) fn changed_keys(before: &Value, after: &Value) -> Vec<String> {
    let mut changed = Vec::new();
    compare(Some(before), Some(after), "", &mut changed);
    changed
}

fn compare(before: Option<&Value>, after: Option<&Value>, path: &str, changed: &mut Vec<String>) {
    let none = Object::new();
    let pair = match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => Some((before, after)),
        // A mapping that came or went is told key by key, unless it is empty.
        (Some(Value::Object(before)), None) if !before.is_empty() => Some((before, &none)),
        (None, Some(Value::Object(after))) if !after.is_empty() => Some((&none, after)),
        _ => None,
    };
    let Some((before_keys, after_keys)) = pair else {
        if !same(before, after) {
            changed.push(path.to_owned());
        }
        return;
    };
    let added = after_keys.keys().filter(|key| !before_keys.contains_key(*key));
    for key in before_keys.keys().chain(added) {
        let dot = if path.is_empty() { "" } else { "." };
        compare(
            before_keys.get(key),
            after_keys.get(key),
            &format!("{path}{dot}{key}"),
            changed,
        );
    }
}

/// Equality with NaN equal to itself: a NaN in the file is not a change.
fn same(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::Number(before)), Some(Value::Number(after))) => {
            before == after || (before.is_nan() && after.is_nan())
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            let pairs = || before.iter().zip(after);
            before.len() == after.len() && pairs().all(|(before, after)| same(Some(before), Some(after)))
        }
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let kept = |(key, value)| same(Some(value), after.get(key));
            before.len() == after.len() && before.iter().all(kept)
        }
        _ => before == after,
    }
}

/// Whether one key is the other, or stands above or below it.
pub(super) fn related(one: &str, other: &str) -> bool {
    let above = |upper: &str, lower: &str| {
        let rest = lower.strip_prefix(upper);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    above(one, other) || above(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json;

    fn changed(before: &str, after: &str) -> Vec<String> {
        changed_keys(&json::parse(before).unwrap(), &json::parse(after).unwrap())
    }

    #[test]
    fn changes_are_told_by_the_deepest_key() {
        assert_eq!(
            changed(
                r#"{"a":{"b":1,"c":[1]},"d":1}"#,
                r#"{"a":{"b":2,"c":[1,2]},"e":1}"#
            ),
            ["a.b", "a.c", "d", "e"]
        );
        assert_eq!(changed(r#"{"a":{"b":1}}"#, "{}"), ["a.b"]);
        assert_eq!(changed("{}", r#"{"a":{}}"#), ["a"]);
        assert_eq!(changed(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#), [""; 0]);
    }

    #[test]
    fn a_nan_that_stays_is_no_change() {
        let nan = || Value::Array(vec![Value::Number(f64::NAN)]);
        assert_eq!(changed_keys(&nan(), &nan()), [""; 0]);
    }

    #[test]
    fn keys_are_related_along_one_path() {
        assert!(related("discovery", "discovery.endpoints"));
        assert!(related("a.b.c", "a.b"));
        assert!(!related("a.b", "a.bc"));
    }
}

//! Texts that Flux would replace on their way from a repository to the cluster.

use serde_json::{Map, Value};

/// What keeps Flux from it, as a label or an annotation (Flux, "Post build variable substitution").
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Longest part of a path that is repeated, in characters.
const LONGEST_STEP: usize = 64;

/// Says where the object holds what Flux takes for a variable of its own, unless the object keeps Flux from it.
///
/// It is told and not escaped: other tools that apply a repository would take the escape for text.
pub(super) fn substitution_warning(object: &Map<String, Value>) -> Option<String> {
    if is_switched_off(object) {
        return None;
    }
    let path = in_fields(object)?;
    Some(format!(
        "{path} holds '${{…}}'. Where Flux applies the repository with postBuild substitution, a value of its own takes that \
         place or nothing is applied; write '$${{…}}' there to keep it, or set the annotation '{SWITCH}: disabled'"
    ))
}

fn is_switched_off(object: &Map<String, Value>) -> bool {
    let switch = |marks: &str| object.get("metadata")?.get(marks)?.get(SWITCH);
    ["labels", "annotations"]
        .iter()
        .any(|marks| switch(marks).is_some_and(|value| value == "disabled"))
}

/// The path of the first text, key or value, with a variable in it.
fn first_variable(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => holds_variable(text).then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let below = first_variable(item)?;
            Some(joined(&format!("[{index}]"), &below))
        }),
        Value::Object(fields) => in_fields(fields),
        _ => None,
    }
}

fn in_fields(fields: &Map<String, Value>) -> Option<String> {
    fields.iter().find_map(|(key, field)| {
        if holds_variable(key) {
            return Some(joined(key, ""));
        }
        let below = first_variable(field)?;
        Some(joined(key, &below))
    })
}

fn joined(step: &str, below: &str) -> String {
    let step: String = step.chars().take(LONGEST_STEP).collect();
    match below {
        "" => step,
        below if below.starts_with('[') => format!("{step}{below}"),
        below => format!("{step}.{below}"),
    }
}

/// Whether there is a `${` that no further `$` before it makes text.
fn holds_variable(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let before = &text[..at];
        let dollars = before.len() - before.trim_end_matches('$').len();
        dollars.is_multiple_of(2)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn warning(object: &Value) -> Option<String> {
        substitution_warning(object.as_object().unwrap())
    }

    #[test]
    fn the_first_text_that_flux_would_replace_is_named() {
        for (object, path) in [
            (
                json!({"spec": {"a": ["x", {"b": "to ${USER}"}]}}),
                "spec.a[1].b holds",
            ),
            (json!({"spec": {"a": "${VAR:-x}"}}), "spec.a holds"),
            (
                json!({"data": {"run.sh": "echo $1\n${HOME}/bin"}}),
                "data.run.sh holds",
            ),
            (json!({"data": {"${KEY}": "x"}}), "data.${KEY} holds"),
            (
                json!({"metadata": {"labels": {"a": "${A}"}}}),
                "metadata.labels.a holds",
            ),
            (json!({"a": "$$${x}"}), "a holds"),
            (json!({"a": "$${x} ${y}"}), "a holds"),
        ] {
            let warning = warning(&object).unwrap();
            assert!(
                warning.starts_with(path) && warning.contains("postBuild"),
                "{warning}"
            );
        }
    }

    #[test]
    fn what_flux_leaves_alone_is_not_warned_of() {
        let off = |marks: &str| json!({"metadata": {marks: {SWITCH: "disabled"}}, "a": "${x}"});
        for object in [
            json!({"a": "$x $(x) { $", "b": ["$${x}", 1, null], "c": {"$": true}}),
            off("labels"),
            off("annotations"),
        ] {
            assert_eq!(warning(&object), None, "{object}");
        }
    }

    #[test]
    fn a_warning_is_short_whatever_the_keys_are() {
        let object = json!({ "k".repeat(50_000): "${x}${y}".repeat(9_000) });
        assert!(warning(&object).unwrap().len() < 500);
        assert!(!holds_variable(&"$".repeat(50_001)));
    }
}

//! Checks a value against the part of draft-07 that our schemas are made of, and names every field that does not fit.
//!
//! The types read the value afterwards, but they stop at the first fault and quote what they stumbled over.

use std::fmt;

use serde_json::{Map, Value};

/// Words that are checked here.
const CHECKED: &[&str] = &[
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
];

/// Words that demand nothing.
const SAID: &[&str] = &["$schema", "title", "description", "default", "examples", "format"];

/// Faults named at once; more help nobody.
const MAX_ISSUES: usize = 20;

/// Longest part of a field's name that is repeated, in characters: the caller chose it.
const MAX_NAME: usize = 64;

/// One field that does not fit, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    /// The way to the field; empty for the whole.
    pub(super) path: Vec<String>,
    /// What is wrong, as the end of a sentence about the field.
    pub(super) problem: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_slice() {
            [] => write!(formatter, "the whole {}", self.problem),
            path => write!(formatter, "'{}' {}", path.join("."), self.problem),
        }
    }
}

/// Returns what keeps the value from fitting the schema.
pub(super) fn issues(schema: &Value, value: &Value) -> Vec<Issue> {
    let mut check = Check::default();
    check.value(schema, value);
    check.issues.truncate(MAX_ISSUES);
    check.issues
}

/// Returns the words of a schema that would go unchecked.
pub(super) fn unchecked(schema: &Value) -> Vec<String> {
    let Some(words) = schema.as_object() else {
        return Vec::new();
    };
    let known = |word: &str| CHECKED.contains(&word) || SAID.contains(&word);
    let here = words.keys().filter(|word| !known(word));
    let here = here.map(|word| format!("nobody checks '{word}'"));
    here.chain(subschemas(words).flat_map(unchecked)).collect()
}

fn subschemas(words: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let each = |word: &str| {
        words
            .get(word)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::values)
    };
    let listed = |word: &str| words.get(word).and_then(Value::as_array).into_iter().flatten();
    each("properties")
        .chain(listed("anyOf"))
        .chain(listed("oneOf"))
        .chain(words.get("items"))
        .chain(words.get("additionalProperties"))
}

#[derive(Default)]
struct Check {
    path: Vec<String>,
    issues: Vec<Issue>,
}

impl Check {
    fn value(&mut self, schema: &Value, value: &Value) {
        if *schema == Value::Bool(false) {
            return self.fault("is not wanted here");
        }
        if let Some(wanted) = wrong_type(&schema["type"], value) {
            return self.fault(format!("must be {wanted}"));
        }
        if let Some(wanted) = not_listed(schema, value) {
            return self.fault(format!("must be {wanted}"));
        }
        self.choice(schema, value);
        match value {
            Value::String(text) => {
                self.bounds(schema, ("minLength", "maxLength"), text.chars().count() as f64)
            }
            Value::Number(number) => {
                self.bounds(
                    schema,
                    ("minimum", "maximum"),
                    number.as_f64().unwrap_or(f64::NAN),
                );
            }
            Value::Array(items) => self.list(schema, items),
            Value::Object(fields) => self.object(schema, fields),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// One of several forms; if none fits, the form of the same type says why, because it was meant.
    fn choice(&mut self, schema: &Value, value: &Value) {
        let Some(forms) = schema
            .get("anyOf")
            .or(schema.get("oneOf"))
            .and_then(Value::as_array)
        else {
            return;
        };
        if forms.iter().any(|form| issues(form, value).is_empty()) {
            return;
        }
        match forms
            .iter()
            .find(|form| wrong_type(&form["type"], value).is_none())
        {
            Some(meant) => self.value(meant, value),
            None => self.fault("has none of the forms it may have"),
        }
    }

    fn bounds(&mut self, schema: &Value, (least, most): (&str, &str), measured: f64) {
        let what = if least == "minimum" { "" } else { " long" };
        match (schema[least].as_f64(), schema[most].as_f64()) {
            (Some(least), _) if measured < least => self.fault(format!("must be at least {least}{what}")),
            (_, Some(most)) if measured > most => self.fault(format!("must be at most {most}{what}")),
            _ => {}
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value]) {
        self.bounds(schema, ("minItems", "maxItems"), items.len() as f64);
        if let Some(wanted) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.below(&index.to_string(), |check| check.value(wanted, item));
            }
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>) {
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.below(name, |check| check.fault("is required"));
            }
        }
        for (name, value) in fields {
            let rest = schema.get("additionalProperties");
            if let Some(wanted) = schema["properties"].get(name).or(rest) {
                self.below(name, |check| check.value(wanted, value));
            }
        }
    }

    fn below(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        if self.issues.len() < MAX_ISSUES {
            self.path.push(name.chars().take(MAX_NAME).collect());
            check(self);
            self.path.pop();
        }
    }

    fn fault(&mut self, problem: impl Into<String>) {
        let path = self.path.clone();
        let problem = problem.into();
        self.issues.push(Issue { path, problem });
    }
}

/// Says what was wanted if the value is of another type.
fn wrong_type(wanted: &Value, value: &Value) -> Option<String> {
    let types: Vec<&str> = match wanted {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if types.iter().any(|wanted| is_a(wanted, value)) {
        return None;
    }
    let words = types
        .iter()
        .filter(|wanted| **wanted != "null" || types.len() == 1);
    Some(
        words
            .map(|wanted| in_words(wanted))
            .collect::<Vec<_>>()
            .join(" or "),
    )
}

fn is_a(wanted: &str, value: &Value) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        // Draft-07 also lets `3.0` pass; the types that read it do not.
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn in_words(wanted: &str) -> &str {
    match wanted {
        "boolean" => "true or false",
        "string" => "text",
        "number" => "a number",
        "integer" => "a whole number",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// Says what was wanted if the schema lists its values and this is none of them.
fn not_listed(schema: &Value, value: &Value) -> Option<String> {
    let listed: Vec<&Value> = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(listed)), _) => listed.iter().collect(),
        (_, Some(only)) => vec![only],
        _ => return None,
    };
    if listed.contains(&value) {
        return None;
    }
    let words: Vec<String> = listed.iter().map(ToString::to_string).collect();
    Some(format!("one of {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 2, "maxLength": 4},
                "wait": {"type": ["integer", "null"], "minimum": 1, "maximum": 240},
                "kind": {"enum": ["PROPOSED", "TRACKED"]},
                "manifest": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "object"}]},
                "list": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}},
            },
            "required": ["id"],
            "additionalProperties": false,
        })
    }

    #[track_caller]
    fn judge(value: Value, expected: &[&str]) {
        let found: Vec<String> = issues(&schema(), &value)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn what_fits_has_no_issue() {
        judge(json!({"id": "ab"}), &[]);
        judge(
            json!({"id": "abcd", "wait": null, "kind": "TRACKED", "manifest": {"x": 1}, "list": [true]}),
            &[],
        );
        judge(json!({"id": "éé", "wait": 240, "manifest": "x"}), &[]);
    }

    #[test]
    fn every_field_that_does_not_fit_is_named_without_its_value() {
        judge(
            json!({"wait": "soon-hush", "kind": "hush", "hush": 1, "list": [true, "hush"]}),
            &[
                "'id' is required",
                "'wait' must be a whole number",
                "'kind' must be one of \"PROPOSED\", \"TRACKED\"",
                "'hush' is not wanted here",
                "'list.1' must be true or false",
            ],
        );
        judge(json!({"id": 3}), &["'id' must be text"]);
        judge(json!([]), &["the whole must be an object"]);
    }

    #[test]
    fn bounds_hold_for_lengths_numbers_and_lists() {
        judge(json!({"id": "a"}), &["'id' must be at least 2 long"]);
        judge(json!({"id": "abcde"}), &["'id' must be at most 4 long"]);
        judge(json!({"id": "ab", "wait": 0}), &["'wait' must be at least 1"]);
        judge(json!({"id": "ab", "wait": 241}), &["'wait' must be at most 240"]);
        judge(
            json!({"id": "ab", "wait": 3.5}),
            &["'wait' must be a whole number"],
        );
        judge(
            json!({"id": "ab", "list": [true, true, true]}),
            &["'list' must be at most 2 long"],
        );
    }

    #[test]
    fn of_several_forms_the_one_that_was_meant_says_why() {
        judge(
            json!({"id": "ab", "manifest": ""}),
            &["'manifest' must be at least 1 long"],
        );
        judge(
            json!({"id": "ab", "manifest": 3}),
            &["'manifest' has none of the forms it may have"],
        );
    }

    #[test]
    fn the_list_of_issues_and_the_names_in_it_are_bounded() {
        let many: Map<String, Value> = (0..100)
            .map(|each| (format!("{each}{}", "x".repeat(200)), json!(1)))
            .collect();
        let found = issues(&schema(), &Value::Object(many));
        assert_eq!(found.len(), MAX_ISSUES);
        assert!(found.iter().all(|issue| issue.path[0].len() <= MAX_NAME));
    }

    #[test]
    fn a_word_nobody_checks_is_found_however_deep() {
        let deep = json!({"type": "object", "properties": {"a": {"items": {"pattern": "x"}}, "b": {"anyOf": [{"not": {}}]}}});
        assert_eq!(
            unchecked(&deep),
            ["nobody checks 'pattern'", "nobody checks 'not'"]
        );
        assert_eq!(unchecked(&schema()), Vec::<String>::new());
    }
}

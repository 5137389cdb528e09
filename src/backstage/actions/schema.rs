//! JSON Schemas (draft-07) as the actions protocol lists them, derived from Rust types.

use schemars::{JsonSchema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

use super::fit::{self, Issue};

/// Formats that schemars invents for Rust's numbers; strict validators refuse words they do not know.
const NUMBER_FORMATS: &[&str] = &[
    "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float", "double",
];

/// The schema of an action's input, output or secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema(Value);

impl Schema {
    /// The schema of what the type reads.
    pub fn of_input<T: JsonSchema>() -> Self {
        Self::generate::<T>(SchemaSettings::draft07())
    }

    /// The schema of what the type writes; `()` writes nothing, which is listed as an empty object.
    pub fn of_output<T: JsonSchema>() -> Self {
        Self::generate::<T>(SchemaSettings::draft07().for_serialize())
    }

    fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> Self {
        // Consumers render the schema as it stands; not all of them follow references.
        settings.inline_subschemas = true;
        let settings = settings
            .with_transform(RecursiveTransform(strict))
            .with_transform(root);
        let schema = settings.into_generator().into_root_schema_for::<T>();
        Self(schema.to_value())
    }

    /// Returns the schema as it is listed.
    pub(super) fn as_json(&self) -> &Value {
        &self.0
    }

    /// Returns what keeps the value from fitting; never quotes the value.
    pub(super) fn issues(&self, value: &Value) -> Vec<Issue> {
        fit::issues(&self.0, value)
    }

    /// Returns what makes the schema unusable: no object, or words that nobody checks.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = fit::unchecked(&self.0);
        if self.0["type"] != "object" {
            faults.push("it is not the schema of an object".to_owned());
        }
        faults
    }
}

/// Objects take their own fields only, as Backstage lists them, and numbers have no made-up format.
fn strict(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.contains_key("properties") {
        object.entry("additionalProperties").or_insert(json!(false));
    }
    let format = object.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| NUMBER_FORMATS.contains(&format)) {
        object.remove("format");
    }
}

/// The name and the comment of the Rust type are no news to a caller; no fields at all is an empty object.
fn root(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("title");
    object.remove("description");
    let kind = object.get("type").and_then(Value::as_str);
    if matches!(kind, Some("object" | "null")) && !object.contains_key("properties") {
        object.insert("type".into(), json!("object"));
        object.entry("properties").or_insert(Value::Object(Map::new()));
        object.entry("additionalProperties").or_insert(json!(false));
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// A comment about the type.
    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        /// The id of the stack.
        #[schemars(length(min = 1, max = 255))]
        stack_id: String,
        /// How long to wait, in seconds.
        #[schemars(range(min = 1, max = 240))]
        timeout_seconds: Option<u32>,
        /// More.
        #[serde(skip_serializing_if = "Option::is_none")]
        inner: Option<Inner>,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Inner {
        names: Vec<String>,
    }

    #[test]
    fn an_input_is_listed_as_draft_07_with_descriptions_and_without_room_for_more() {
        let expected = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "stackId": {"description": "The id of the stack.", "type": "string", "minLength": 1, "maxLength": 255},
                "timeoutSeconds": {"description": "How long to wait, in seconds.", "type": ["integer", "null"],
                    "minimum": 1, "maximum": 240},
                "inner": {"description": "More.", "type": ["object", "null"],
                    "properties": {"names": {"type": "array", "items": {"type": "string"}}},
                    "required": ["names"], "additionalProperties": false},
            },
            "required": ["stackId"],
            "additionalProperties": false,
        });
        let schema = Schema::of_input::<Sample>();
        assert_eq!(*schema.as_json(), expected);
        assert_eq!(schema.faults(), Vec::<String>::new());
    }

    #[test]
    fn an_output_requires_what_is_always_written() {
        let required = &Schema::of_output::<Sample>().0["required"];
        assert_eq!(*required, json!(["stackId", "timeoutSeconds"]));
    }

    #[test]
    fn nothing_is_an_empty_object() {
        let empty = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {},
            "additionalProperties": false,
        });
        assert_eq!(Schema::of_output::<()>().0, empty);
        assert_eq!(Schema::of_input::<super::super::NoInput>().0, empty);
    }

    #[test]
    fn a_schema_that_is_no_object_or_says_what_nobody_checks_is_found_out() {
        #[derive(JsonSchema)]
        #[allow(dead_code, reason = "only its schema is looked at")]
        struct Patterned {
            #[schemars(regex(pattern = "^a$"))]
            text: String,
        }
        let faults = Schema::of_input::<Patterned>().faults();
        assert_eq!(faults, ["nobody checks 'pattern'"]);
        assert_eq!(Schema::of_input::<String>().faults().len(), 1);
    }
}

//! One object as a caller wants it: read strictly, and written so that nothing of the live object is lost.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::{
    exact_json::{exact_fields, json_of},
    holds::holds,
    object_ref::{ApiVersion, DEFAULT_NAMESPACE, Invalid, Kind, Namespace, ObjectName, ObjectRef, shown},
    substitution::substitution_warning,
};
use crate::config::{Value as Yaml, yaml::parse_manifests};

/// Fields of `metadata` that belong to the API server (Kubernetes API conventions, "Metadata").
pub(in crate::plugins::ske) const SERVER_OWNED: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Top-level fields an update never takes from the manifest.
const NOT_REPLACED: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// The parts of `metadata` an update adds to.
const ADDED_TO: [&str; 2] = ["labels", "annotations"];

/// The desired state of one object, without `status` and without what the API server owns.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plugins::ske) struct Manifest {
    api_version: ApiVersion,
    kind: Kind,
    name: ObjectName,
    namespace: Option<Namespace>,
    /// Everything else the manifest says, and those four as well.
    object: Map<String, Value>,
}

/// The forms in which a manifest comes, for schemas.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is looked at")]
pub(in crate::plugins::ske) enum TextOrObject {
    Text(String),
    Object(Map<String, Value>),
}

impl Manifest {
    /// Takes what a caller sends: a text, or the object itself.
    ///
    /// # Errors
    /// Neither of them, or what either of them must not be.
    pub(in crate::plugins::ske) fn from_value(given: Value) -> Result<Self, Invalid> {
        match given {
            Value::String(text) => Self::from_text(&text),
            Value::Object(object) => Self::from_object(object),
            _ => Err(Invalid(
                "The parameter 'manifest' is missing; give one Kubernetes object as YAML text or as JSON"
                    .to_owned(),
            )),
        }
    }

    /// Reads YAML 1.2 or JSON; empty documents around the one are skipped.
    ///
    /// # Errors
    /// A text that is not YAML (also duplicate keys and aliases that multiply), not exactly one document, or no
    /// object as `from_object` wants it.
    pub(in crate::plugins::ske) fn from_text(text: &str) -> Result<Self, Invalid> {
        let mut documents = parse_manifests(text)
            .map_err(|error| Invalid(format!("the manifest is not valid YAML: {error}")))?;
        documents.retain(|document| !matches!(document, Yaml::Null));
        match <[Yaml; 1]>::try_from(documents) {
            Ok([document]) => match json_of(document)? {
                Value::Object(object) => Self::from_object(object),
                _ => Err(not_a_mapping()),
            },
            Err(others) if others.is_empty() => {
                Err(Invalid("the manifest is empty; give one object".to_owned()))
            }
            Err(others) => Err(Invalid(format!(
                "the manifest holds {} documents; give one object at a time",
                others.len()
            ))),
        }
    }

    /// Takes an object that came as JSON.
    ///
    /// # Errors
    /// `apiVersion`, `kind` or `metadata.name` missing or not Kubernetes'; a list of objects; `generateName`; labels
    /// or annotations that are not text; numbers that would change on their way.
    pub(in crate::plugins::ske) fn from_object(object: Map<String, Value>) -> Result<Self, Invalid> {
        let mut object = exact_fields(object)?;
        let api_version = ApiVersion::parse(text(&object, "apiVersion", "apiVersion")?)?;
        let kind = Kind::parse(text(&object, "kind", "kind")?)?;
        refuse_list(&kind, &object)?;
        object.shift_remove("status");
        if let Some(spec @ Value::Null) = object.get_mut("spec") {
            *spec = Value::Object(Map::new());
        }
        let metadata = match object.get_mut("metadata") {
            Some(Value::Object(metadata)) => metadata,
            None | Some(Value::Null) => return Err(missing("metadata.name")),
            Some(_) => return Err(Invalid("metadata must be a mapping".to_owned())),
        };
        clean_metadata(metadata)?;
        let name = ObjectName::parse(text(metadata, "name", "metadata.name")?)?;
        let namespace = namespace(metadata)?;
        Ok(Self {
            api_version,
            kind,
            name,
            namespace,
            object,
        })
    }

    /// Which object is meant, in `default` when the manifest names no namespace.
    pub(in crate::plugins::ske) fn object_ref(&self) -> ObjectRef {
        ObjectRef::new(
            (self.api_version.clone(), self.kind.clone()),
            self.namespace.clone().unwrap_or_default(),
            self.name.clone(),
        )
    }

    /// What the caller should know before it goes through a repository.
    pub(in crate::plugins::ske) fn substitution_warning(&self) -> Option<String> {
        substitution_warning(&self.object)
    }

    /// The object to create: in `default` when nothing else is said, without a namespace when the kind has none.
    pub(in crate::plugins::ske) fn for_create(&self, namespaced: bool) -> Value {
        let mut object = self.object.clone();
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.shift_remove("namespace");
            if namespaced {
                let namespace = self
                    .namespace
                    .as_ref()
                    .map_or(DEFAULT_NAMESPACE, Namespace::as_str);
                metadata.insert("namespace".to_owned(), namespace.into());
            }
        }
        Value::Object(object)
    }

    /// Whether a live object's `spec` is as this one says, whatever the API server added.
    pub(in crate::plugins::ske) fn is_in(&self, spec: &Value) -> bool {
        self.object.get("spec").is_none_or(|wanted| holds(spec, wanted))
    }

    /// The live object as it is to be sent back, with its `resourceVersion`.
    ///
    /// Each top-level field the manifest gives replaces the live one as a whole, so that a field cleared in a form is
    /// gone. Labels and annotations are added, because Kratix and others write their own there. All else stays.
    pub(in crate::plugins::ske) fn applied_to(&self, existing: &Value) -> Value {
        let mut object = existing.as_object().cloned().unwrap_or_default();
        for (field, value) in &self.object {
            if !NOT_REPLACED.contains(&field.as_str()) {
                object.insert(field.clone(), value.clone());
            }
        }
        for field in ["apiVersion", "kind", "metadata"] {
            let ours = || self.object.get(field).cloned().unwrap_or_default();
            object.entry(field).or_insert_with(ours);
        }
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            self.add_marks(metadata);
        }
        Value::Object(object)
    }

    fn add_marks(&self, metadata: &mut Map<String, Value>) {
        for field in ADDED_TO {
            let ours = self
                .object
                .get("metadata")
                .and_then(|metadata| metadata.get(field));
            let Some(Value::Object(ours)) = ours else {
                continue;
            };
            match metadata.get_mut(field) {
                Some(Value::Object(theirs)) => theirs.extend(ours.clone()),
                _ => {
                    metadata.insert(field.to_owned(), ours.clone().into());
                }
            }
        }
    }
}

fn not_a_mapping() -> Invalid {
    Invalid(
        "the manifest is not an object; it must be a mapping with apiVersion, kind and metadata".to_owned(),
    )
}

fn missing(path: &str) -> Invalid {
    Invalid(format!("{path} is missing from the manifest"))
}

/// Returns the text of a required field.
fn text<'a>(object: &'a Map<String, Value>, field: &str, path: &str) -> Result<&'a str, Invalid> {
    match object.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => Err(missing(path)),
        Some(_) => Err(not_text(path)),
    }
}

fn not_text(path: &str) -> Invalid {
    Invalid(format!("{path} must be text; put it in quotes"))
}

fn namespace(metadata: &mut Map<String, Value>) -> Result<Option<Namespace>, Invalid> {
    match metadata.get("namespace") {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Namespace::parse(text).map(Some),
        Some(Value::Null | Value::String(_)) => {
            metadata.shift_remove("namespace");
            Ok(None)
        }
        Some(_) => Err(not_text("metadata.namespace")),
    }
}

/// A list is many objects under one name, each with rules of its own. Kubernetes' libraries, and with them Flux and
/// Argo CD, take whatever has an array of `items` for one, whatever its kind (apimachinery, `Unstructured.IsList`).
fn refuse_list(kind: &Kind, object: &Map<String, Value>) -> Result<(), Invalid> {
    let kind = kind.as_str();
    let items = object.get("items");
    if kind == "List" || (kind.ends_with("List") && items.is_some()) {
        return Err(Invalid(format!(
            "the manifest is a {kind}; give one object at a time"
        )));
    }
    if matches!(items, Some(Value::Array(_))) {
        let why = "the manifest has a list of 'items' at its top, which would be taken for objects of their own; give one \
                   object at a time";
        return Err(Invalid(why.to_owned()));
    }
    Ok(())
}

fn clean_metadata(metadata: &mut Map<String, Value>) -> Result<(), Invalid> {
    if metadata.get("generateName").is_some_and(|value| !value.is_null()) {
        let why = "metadata.generateName makes a new object every time; give metadata.name instead";
        return Err(Invalid(why.to_owned()));
    }
    metadata.shift_remove("generateName");
    for field in SERVER_OWNED {
        metadata.shift_remove(field);
    }
    for field in ADDED_TO {
        check_marks(metadata, field)?;
    }
    Ok(())
}

fn check_marks(metadata: &mut Map<String, Value>, field: &str) -> Result<(), Invalid> {
    let marks = match metadata.get(field) {
        None => return Ok(()),
        Some(Value::Null) => {
            metadata.shift_remove(field);
            return Ok(());
        }
        Some(Value::Object(marks)) => marks,
        Some(_) => return Err(Invalid(format!("metadata.{field} must be a mapping of texts"))),
    };
    match marks.iter().find(|(_, value)| !value.is_string()) {
        None => Ok(()),
        Some((key, _)) => Err(not_text(&format!("metadata.{field} '{}'", shown(key)))),
    }
}

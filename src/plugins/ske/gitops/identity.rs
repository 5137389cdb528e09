//! When two documents mean the same object.

use std::fmt;

use crate::{
    config::{Object, Value as Yaml},
    plugins::ske::domain::{DEFAULT_NAMESPACE, Invalid, ObjectRef, is_cluster_scoped},
};

/// Longest name a file or an address can carry (Kubernetes, "DNS Subdomain Names").
const MAX_NAME: usize = 253;

/// What makes an object this one: everything of its address but the version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::plugins::ske) struct Identity {
    /// The API group; empty for the core group.
    pub(in crate::plugins::ske) group: Box<str>,
    /// The kind; case matters.
    pub(in crate::plugins::ske) kind: Box<str>,
    /// The namespace; `None` for kinds that are known to have none.
    pub(in crate::plugins::ske) namespace: Option<Box<str>>,
    /// The name.
    pub(in crate::plugins::ske) name: Box<str>,
}

impl Identity {
    /// The identity of what a caller asks for, where it may become part of a path.
    ///
    /// # Errors
    /// A name that is no DNS subdomain: no file is named after anything else.
    pub(in crate::plugins::ske) fn of(object: &ObjectRef) -> Result<Self, Invalid> {
        let name = object.name.as_str();
        if !is_subdomain(name) {
            return Err(Invalid(
                "the name does not fit a repository; use lower-case letters, digits, '-' and '.', beginning and \
                 ending with a letter or digit"
                    .to_owned(),
            ));
        }
        let (group, kind) = (object.api_version.group(), object.kind.as_str());
        Ok(Self::new(group, kind, Some(object.namespace.as_str()), name))
    }

    /// The identity and version of a document; `None` when it is no object of Kubernetes.
    ///
    /// # Errors
    /// A field of the identity is something else than text, which Kubernetes would refuse as well.
    pub(super) fn in_document(object: &Object) -> Result<Option<(Self, &str)>, String> {
        let (Some(kind), Some(api_version)) = (text(object, "kind")?, text(object, "apiVersion")?) else {
            return Ok(None);
        };
        let Some(Yaml::Object(metadata)) = object.get("metadata") else {
            return Ok(None);
        };
        let Some(name) = text(metadata, "name")? else {
            return Ok(None);
        };
        let namespace = text(metadata, "namespace")?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Ok(Some((Self::new(group, kind, namespace, name), version)))
    }

    fn new(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        Self {
            group: group.into(),
            kind: kind.into(),
            namespace: (!is_cluster_scoped(group, kind)).then(|| namespace.into()),
            name: name.into(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

/// A text of the object; missing, null and empty are the same.
fn text<'a>(object: &'a Object, field: &str) -> Result<Option<&'a str>, String> {
    match object.get(field) {
        None | Some(Yaml::Null) => Ok(None),
        Some(Yaml::String(text)) => Ok((!text.is_empty()).then_some(text)),
        Some(_) => Err(format!("'{field}' is not text; put it in quotes")),
    }
}

fn is_subdomain(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_document(text: &str) -> Result<Option<String>, String> {
        let value = crate::config::yaml::parse(text.as_bytes()).unwrap().unwrap();
        let found = Identity::in_document(value.as_object().unwrap())?;
        Ok(found.map(|(identity, version)| format!("{}|{identity}|{version}", identity.group)))
    }

    fn asked(kind: &str, name: &str) -> Result<Identity, Invalid> {
        Identity::of(&ObjectRef::parse("platform.kratix.io/v1alpha1", kind, None, name).unwrap())
    }

    #[test]
    fn a_document_without_a_namespace_is_in_default_unless_its_kind_has_none() {
        let object = |kind: &str| {
            format!("{{apiVersion: platform.kratix.io/v1, kind: {kind}, metadata: {{name: a}}}}")
        };
        assert_eq!(
            in_document(&object("Work")).unwrap().unwrap(),
            "platform.kratix.io|Work default/a|v1"
        );
        assert_eq!(
            in_document(&object("Promise")).unwrap().unwrap(),
            "platform.kratix.io|Promise a|v1"
        );
        let in_team = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}}";
        assert_eq!(in_document(in_team).unwrap().unwrap(), "|ConfigMap team/a|v1");
    }

    #[test]
    fn the_namespace_of_a_kind_that_has_none_is_ignored() {
        let named = "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}";
        assert_eq!(in_document(named).unwrap().unwrap(), "|Namespace a|v1");
        assert_eq!(asked("Promise", "a").unwrap().namespace, None);
    }

    #[test]
    fn what_is_no_object_is_passed_over() {
        for text in [
            "{a: 1}",
            "{kind: A, metadata: {name: a}}",
            "{apiVersion: v1, metadata: {name: a}}",
            "{apiVersion: v1, kind: A}",
            "{apiVersion: v1, kind: A, metadata: {generateName: a}}",
            "{apiVersion: v1, kind: A, metadata: []}",
            "{apiVersion: v1, kind: '', metadata: {name: a}}",
        ] {
            assert_eq!(in_document(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_number_for_a_name_is_an_error_that_names_the_field() {
        let problem = in_document("{apiVersion: v1, kind: A, metadata: {name: 123}}").unwrap_err();
        assert!(
            problem.contains("'name'") && problem.contains("quotes"),
            "{problem}"
        );
    }

    #[test]
    fn only_names_that_are_dns_subdomains_become_paths() {
        let longest = vec!["a".repeat(63); 4].join(".")[..253].to_owned();
        for name in ["a", "db-1", "a.b.c", &longest] {
            assert_eq!(&*asked("Work", name).unwrap().name, name);
        }
        for name in [
            "A",
            "a_b",
            "-a",
            "a-",
            "a..b",
            ".a",
            "a.",
            "système",
            "system:node",
            "a b",
            "a\\b",
        ] {
            assert!(asked("Work", name).is_err(), "{name}");
        }
    }
}

//! Where in an object a value stands, as far as it matters for how the value is read.

use crate::config::value::Value;

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The document itself, which is an object.
    Object,
    /// Its `metadata`.
    Metadata,
    /// The labels or the annotations.
    Marks,
    /// What names something: it is text to Kubernetes, and nothing else.
    Name,
    /// Where scalars stand for what they look like.
    Elsewhere,
}

impl Place {
    /// Where a document begins.
    pub(super) fn beginning(names_are_text: bool) -> Self {
        if names_are_text {
            Self::Object
        } else {
            Self::Elsewhere
        }
    }

    /// Where the value of the key stands.
    pub(super) fn below(self, key: &Value) -> Self {
        let key = match key {
            Value::String(key) => key.as_str(),
            _ => "",
        };
        match (self, key) {
            (Self::Object, "metadata") => Self::Metadata,
            (Self::Metadata, "labels" | "annotations") => Self::Marks,
            (Self::Object, "kind" | "apiVersion")
            | (Self::Metadata, "name" | "namespace")
            | (Self::Marks, _) => Self::Name,
            _ => Self::Elsewhere,
        }
    }
}

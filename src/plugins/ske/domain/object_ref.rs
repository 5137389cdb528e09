//! The parts of an object's identity, each checked before it may become part of an address.

use std::fmt;

use super::scope::is_cluster_scoped;

/// The namespace of an object whose caller names none, as in `kubectl`.
pub(in crate::plugins::ske) const DEFAULT_NAMESPACE: &str = "default";

/// Longest name of an object, in bytes; also that of an API group (Kubernetes, "Object Names and IDs").
const MAX_NAME: usize = 253;

/// Longest DNS label: namespaces, versions and kinds.
const MAX_LABEL: usize = 63;

/// What the frontend sends in place of an entity annotation that is not there.
const MISSING_ANNOTATION: &str = "undefined";

/// Why a text is no such part, in a sentence for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::plugins::ske) struct Invalid(pub(in crate::plugins::ske) String);

/// An API group and version, written `group/version`, or `version` alone for the core group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct ApiVersion {
    group: String,
    version: String,
}

/// A kind as objects carry it, such as `ConfigMap`; case matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct Kind(String);

/// A name that is safe as one segment of a path; how much stricter it is depends on the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct ObjectName(String);

/// A namespace: a DNS label of RFC 1123.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct Namespace(String);

/// Which object is meant. Cluster-scoped kinds ignore the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct ObjectRef {
    /// Group and version.
    pub(in crate::plugins::ske) api_version: ApiVersion,
    /// The kind.
    pub(in crate::plugins::ske) kind: Kind,
    /// The namespace, `default` when the caller names none.
    pub(in crate::plugins::ske) namespace: Namespace,
    /// The name.
    pub(in crate::plugins::ske) name: ObjectName,
    /// Whether the kind has namespaces, as far as that is known; only what is shown depends on it.
    namespaced: bool,
}

impl ApiVersion {
    /// Reads `version` or `group/version`.
    ///
    /// # Errors
    /// Anything else; the frontend's `undefined` gets a sentence that names the annotations it comes from.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.contains(MISSING_ANNOTATION) {
            return Err(missing_annotation(text));
        }
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        let group_fits = is_subdomain(group) || !text.contains('/');
        if group_fits && is_label(version) && version.starts_with(|c: char| c.is_ascii_lowercase()) {
            let (group, version) = (group.to_owned(), version.to_owned());
            return Ok(Self { group, version });
        }
        Err(unfit(
            "apiVersion",
            text,
            "write it as 'version' or 'group/version', such as 'v1' or 'apps/v1'",
        ))
    }

    /// The API group; empty for the core group.
    pub(in crate::plugins::ske) fn group(&self) -> &str {
        &self.group
    }

    /// The version, such as `v1alpha1`.
    pub(in crate::plugins::ske) fn version(&self) -> &str {
        &self.version
    }
}

impl Kind {
    /// Reads a kind: what is a label of RFC 1035 in lower case, as the API server demands of every definition (apiextensions,
    /// `ValidateCustomResourceDefinitionNames`).
    ///
    /// # Errors
    /// Anything else.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Result<Self, Invalid> {
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if begins && is_label(&text.to_ascii_lowercase()) {
            return Ok(Self(text.to_owned()));
        }
        let rule = "a kind is at most 63 letters, digits and '-', such as 'ConfigMap', and begins with a letter and does not end \
                    with '-'";
        Err(unfit("kind", text, rule))
    }

    /// The kind as text.
    pub(in crate::plugins::ske) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ObjectName {
    /// Reads a name by the rule that holds for every kind (Kubernetes, "Path Segment Names").
    ///
    /// # Errors
    /// An empty or too long name, `.`, `..`, and names with `/`, `%` or control characters.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Result<Self, Invalid> {
        let forbidden = |c: char| matches!(c, '/' | '%') || c.is_control();
        if text.is_empty() || text.len() > MAX_NAME || matches!(text, "." | "..") || text.contains(forbidden)
        {
            let rule =
                "a name is 1 to 253 characters without '/', '%' or control characters, and not '.' or '..'";
            return Err(unfit("name", text, rule));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub(in crate::plugins::ske) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Namespace {
    /// Reads a namespace; an empty text is the namespace `default`.
    ///
    /// # Errors
    /// Anything that is no DNS label.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "" => Ok(Self::default()),
            _ if is_label(text) => Ok(Self(text.to_owned())),
            _ => {
                let rule =
                    "a namespace is at most 63 lower-case letters, digits and '-', with no '-' at its ends";
                Err(unfit("namespace", text, rule))
            }
        }
    }

    /// The namespace as text.
    pub(in crate::plugins::ske) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(DEFAULT_NAMESPACE.to_owned())
    }
}

impl ObjectRef {
    /// Reads the four texts a caller sends; a missing or empty namespace is `default`.
    ///
    /// # Errors
    /// The first part that does not fit.
    pub(in crate::plugins::ske) fn parse(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self, Invalid> {
        Ok(Self::new(
            (ApiVersion::parse(api_version)?, Kind::parse(kind)?),
            Namespace::parse(namespace.unwrap_or_default())?,
            ObjectName::parse(name)?,
        ))
    }

    /// Puts the parts together.
    pub(super) fn new(
        (api_version, kind): (ApiVersion, Kind),
        namespace: Namespace,
        name: ObjectName,
    ) -> Self {
        let namespaced = !is_cluster_scoped(api_version.group(), kind.as_str());
        Self {
            api_version,
            kind,
            namespace,
            name,
            namespaced,
        }
    }

    /// The same, once a cluster has said whether the kind has namespaces.
    #[must_use]
    pub(in crate::plugins::ske) fn known_to_be(&self, namespaced: bool) -> Self {
        let object = self.clone();
        Self { namespaced, ..object }
    }

    /// The namespace, unless the kind is known to have none.
    pub(in crate::plugins::ske) fn shown_namespace(&self) -> Option<&Namespace> {
        self.namespaced.then_some(&self.namespace)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            formatter.write_str(&self.version)
        } else {
            write!(formatter, "{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown_namespace() {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

fn missing_annotation(text: &str) -> Invalid {
    Invalid(format!(
        "apiVersion '{}' is incomplete: the catalog entity lacks the annotation 'kratix.io/group' or \
         'kratix.io/version'; add them to the entity",
        shown(text)
    ))
}

fn unfit(what: &str, text: &str, rule: &str) -> Invalid {
    match text {
        "" => Invalid(format!("{what} is missing; {rule}")),
        _ => Invalid(format!(
            "{what} '{}' is not one Kubernetes accepts; {rule}",
            shown(text)
        )),
    }
}

/// A caller's text on one short line.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(MAX_LABEL).map(clean).collect();
    if text.chars().nth(MAX_LABEL).is_some() {
        short.push('…');
    }
    short
}

/// Whether the text is a DNS label of RFC 1123, in lower case.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether the text is labels with dots between.
fn is_subdomain(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_label)
}

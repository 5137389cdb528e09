//! The parts of an object's identity, each checked before it may become part of an address.

use std::fmt;

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
        Ok(Self {
            api_version: ApiVersion::parse(api_version)?,
            kind: Kind::parse(kind)?,
            namespace: Namespace::parse(namespace.unwrap_or_default())?,
            name: ObjectName::parse(name)?,
        })
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
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
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
fn shown(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: fmt::Debug>(read: Result<T, Invalid>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn an_api_version_is_a_version_or_a_group_and_a_version() {
        for (text, group, version) in [
            ("v1", "", "v1"),
            ("apps/v1", "apps", "v1"),
            ("platform.kratix.io/v1alpha1", "platform.kratix.io", "v1alpha1"),
        ] {
            let read = ApiVersion::parse(text).unwrap();
            assert_eq!((read.group(), read.version()), (group, version));
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn an_api_version_of_another_form_is_refused() {
        let long = format!("{}/v1", vec!["a".repeat(60); 5].join("."));
        for text in [
            "",
            "/",
            "/v1",
            "apps/",
            "a/b/v1",
            "Apps/v1",
            "a..b/v1",
            "-a/v1",
            "v 1",
            "V1",
            "1v",
            "apps/v1%2f",
            "../v1",
            "apps/v1\n",
            &long,
        ] {
            let problem = refused(ApiVersion::parse(text));
            assert!(
                problem.starts_with("apiVersion ") && problem.contains("group/version"),
                "{text:?}: {problem}"
            );
        }
    }

    #[test]
    fn the_frontends_undefined_names_the_annotations_that_are_missing() {
        for text in [
            "undefined",
            "undefined/undefined",
            "undefined/v1",
            "example.com/undefined",
            "a/undefined/b",
        ] {
            let problem = refused(ApiVersion::parse(text));
            assert!(
                problem.contains("'kratix.io/group'") && problem.contains("'kratix.io/version'"),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_kind_is_a_label_of_rfc_1035_in_any_case() {
        let longest = "K".repeat(63);
        for text in [
            "ConfigMap",
            "redis",
            "A",
            "K8s",
            "argocd-application",
            "Paved-Path-Demo",
            "a--b",
            "a-1",
            &longest,
        ] {
            assert_eq!(Kind::parse(text).unwrap().as_str(), text);
        }
        let too_long = "K".repeat(64);
        for text in [
            "",
            "8s",
            "-a",
            "a-",
            "-",
            "pods/log",
            "a.b",
            "a_b",
            "\u{212a}ey",
            "Ü",
            "a b",
            "a\n",
            "..",
            &too_long,
        ] {
            assert!(refused(Kind::parse(text)).starts_with("kind "), "{text:?}");
        }
    }

    #[test]
    fn a_name_with_a_slash_or_anything_else_that_changes_a_path_is_refused() {
        let too_long = "n".repeat(254);
        for text in [
            "", ".", "..", "a/b", "/", "%2e", "a%", "a\0", "a\nb", "\u{7f}", "\u{85}", &too_long,
        ] {
            assert!(refused(ObjectName::parse(text)).starts_with("name "), "{text:?}");
        }
        let longest = "n".repeat(253);
        for text in ["db", "...", "system:node", "a.b", "A_b", &longest] {
            assert_eq!(ObjectName::parse(text).unwrap().as_str(), text);
        }
        assert!(ObjectName::parse(&"é".repeat(127)).is_err(), "254 bytes");
    }

    #[test]
    fn a_namespace_is_a_label_and_default_when_empty() {
        assert_eq!(Namespace::parse("").unwrap().as_str(), "default");
        assert_eq!(Namespace::parse("team-a-2").unwrap().as_str(), "team-a-2");
        let too_long = "n".repeat(64);
        for text in ["-a", "a-", "a.b", "A", "a/b", "..", "a_b", " ", &too_long] {
            assert!(
                refused(Namespace::parse(text)).starts_with("namespace "),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_reference_without_a_namespace_is_in_default_and_reads_as_people_write_it() {
        let object = ObjectRef::parse("example.com/v1", "Redis", None, "cache").unwrap();
        assert_eq!(object.to_string(), "Redis default/cache");
        let object = ObjectRef::parse("v1", "ConfigMap", Some("team-a"), "cm").unwrap();
        assert_eq!(object.to_string(), "ConfigMap team-a/cm");
        assert_eq!(
            refused(ObjectRef::parse("v1", "", None, "x")).split(';').next(),
            Some("kind is missing")
        );
    }

    #[test]
    fn a_refused_text_is_repeated_on_one_short_line() {
        let problem = refused(Kind::parse(&format!("a\nb{}", "x".repeat(10_000))));
        assert!(problem.len() < 300 && !problem.contains('\n'), "{problem}");
    }
}

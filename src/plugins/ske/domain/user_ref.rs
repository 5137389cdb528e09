//! Who is signed in to the portal: an entity reference, read strictly because a cluster name is made from it.

use std::fmt;

/// Longest part of an entity reference (Backstage, "Descriptor Format of Catalog Entities").
const MAX_PART: usize = 63;

/// A reference `kind:namespace/name` in the spelling it came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugins::ske) struct UserRef {
    kind: String,
    namespace: String,
    name: String,
}

impl UserRef {
    /// Reads a full reference; `None` for anything with parts missing, parts too many or foreign characters.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (namespace, name) = rest.split_once('/')?;
        let fits = is_kind(kind) && is_namespace(namespace) && is_name(name);
        fits.then(|| Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The entity's kind, usually `user`.
    pub(in crate::plugins::ske) fn kind(&self) -> &str {
        &self.kind
    }

    /// The entity's namespace.
    pub(in crate::plugins::ske) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The entity's name.
    pub(in crate::plugins::ske) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}/{}", self.kind, self.namespace, self.name)
    }
}

fn is_kind(text: &str) -> bool {
    text.len() <= MAX_PART
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Backstage wants lower case here; references come in both.
fn is_namespace(text: &str) -> bool {
    is_part(text, &['-'])
}

fn is_name(text: &str) -> bool {
    is_part(text, &['-', '_', '.'])
}

/// Letters and digits, and inside also the marks.
fn is_part(text: &str, marks: &[char]) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= MAX_PART
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || marks.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_reference_keeps_its_spelling() {
        for text in [
            "user:default/jane",
            "User:Team-A/Jane.Doe_2",
            "user:default/j",
            "user:a--b/a..b",
        ] {
            assert_eq!(UserRef::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_but_three_parts_in_backstages_characters_is_refused() {
        let long = format!("user:default/{}", "a".repeat(64));
        for text in [
            "",
            "jane",
            "default/jane",
            "user:jane",
            "user:default/",
            "user:/jane",
            ":default/jane",
            "user:default/jane/x",
            "user:x:default/jane",
            "user:default/jane:x",
            "user:default/jane@example.com",
            "user:default/jane doe",
            "user:default/jané",
            "user:default/jane\n",
            " user:default/jane",
            "user:default/-jane",
            "user:default/jane.",
            "user:de.fault/jane",
            "user:default/{name}",
            &long,
        ] {
            assert_eq!(UserRef::parse(text), None, "{text:?}");
        }
    }
}

//! What a text that cannot be read speaks of, so that nothing is written a second time beside it.

use std::collections::BTreeSet;

use super::identity::Identity;

/// The names and kinds a text gives, as far as its words tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    names: BTreeSet<Box<str>>,
    kinds: BTreeSet<Box<str>>,
}

impl Mentions {
    /// Goes by words alone: whatever follows `name` or `kind`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut mentions = Self::default();
        let mut before = "";
        for word in text.split(is_between).filter(|word| !word.is_empty()) {
            match before {
                "name" => drop(mentions.names.insert(word.into())),
                "kind" => drop(mentions.kinds.insert(word.into())),
                _ => {}
            }
            before = word;
        }
        mentions
    }

    /// Whether the object may be among them.
    pub(super) fn may_hold(&self, identity: &Identity) -> bool {
        self.names.contains(&identity.name) && self.kinds.contains(&identity.kind)
    }
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | ',' | '{' | '}' | '[' | ']' | '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::ske::domain::ObjectRef;

    fn may_hold(text: &str) -> bool {
        let cache = ObjectRef::parse("e.com/v1", "Redis", None, "cache").unwrap();
        Mentions::of(text.as_bytes()).may_hold(&Identity::of(&cache).unwrap())
    }

    #[test]
    fn an_object_may_be_in_a_broken_text_that_names_it_and_its_kind() {
        for text in [
            "kind: Redis\nmetadata:\n  name: cache\n  labels: [\n",
            "{\"kind\":\"Redis\",\"metadata\":{\"name\":\"cache\"",
            "- {metadata: {name: 'cache'}, kind: Redis\n",
        ] {
            assert!(may_hold(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_speaks_of_others_holds_nothing_up() {
        for text in [
            "kind: Redis\nmetadata: {name: cache-2\n",
            "kind: Postgres\nmetadata: {name: cache\n",
            "# Redis cache\nname kind cache Redis",
            "",
        ] {
            assert!(!may_hold(text), "{text}");
        }
    }
}

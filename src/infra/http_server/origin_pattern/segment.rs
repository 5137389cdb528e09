//! What stands between two slashes of a pattern.

use super::{
    class::Class,
    group::{Group, Kind, Matching, Tail},
};

/// Deepest nesting of groups.
const DEEPEST: usize = 16;

/// A piece of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Item {
    One(Class),
    /// `*`
    Any,
    Group(Group),
}

/// A pattern without slashes.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    items: Vec<Item>,
    may_begin_with_dot: bool,
}

impl Segment {
    /// Reads a pattern in which braces have been written out.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let mut reader = Reader {
            rest: text,
            groups: 0,
        };
        let items = reader.sequence(0, true)?;
        Ok(Self {
            items,
            may_begin_with_dot: text.starts_with(['.', '\\']),
        })
    }

    /// Whether the whole of the text fits. What may be anything is not a dot at the beginning.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        if text.starts_with(b".") && !self.may_begin_with_dot {
            return false;
        }
        let tail = Tail {
            items: &self.items,
            next: None,
        };
        Matching::of(text).reaches_end(0, Some(&tail))
    }
}

struct Reader<'a> {
    rest: &'a str,
    groups: usize,
}

impl Reader<'_> {
    /// Reads up to the end, or within a group up to what ends an alternative.
    fn sequence(&mut self, depth: usize, is_first: bool) -> Result<Vec<Item>, &'static str> {
        let mut items = Vec::new();
        let mut is_first = is_first;
        while let Some(sign) = self.rest.bytes().next() {
            if depth > 0 && matches!(sign, b'|' | b')') {
                break;
            }
            let item = match self.group(depth, is_first)? {
                Some(group) => Item::Group(group),
                None => self.item(sign),
            };
            is_first &= matches!(&item, Item::Group(group) if group.kind == Kind::Not);
            items.push(item);
        }
        Ok(items)
    }

    /// Reads a group such as `+(a|b)`. Without its end it is no group, and its signs stand for themselves.
    fn group(&mut self, depth: usize, is_first: bool) -> Result<Option<Group>, &'static str> {
        let Some((kind, rest)) = Kind::read(self.rest) else {
            return Ok(None);
        };
        if depth == DEEPEST {
            return Err("its groups are nested too deeply");
        }
        self.groups += 1;
        let id = self.groups;
        let mut inner = Reader {
            rest,
            groups: self.groups,
        };
        let mut choices = Vec::new();
        loop {
            let begins = is_first && choices.is_empty();
            choices.push(inner.sequence(depth + 1, begins)?);
            match inner.rest.split_at_checked(1) {
                Some(("|", rest)) => inner.rest = rest,
                Some((_, rest)) => {
                    (self.rest, self.groups) = (rest, inner.groups);
                    return Ok(Some(Group {
                        id,
                        kind,
                        choices,
                        is_first,
                    }));
                }
                None => return Ok(None),
            }
        }
    }

    fn item(&mut self, sign: u8) -> Item {
        let (item, length) = match sign {
            b'*' => (Item::Any, 1),
            b'?' => (Item::One(Class::Any), 1),
            b'\\' if self.rest.len() > 1 => {
                let escaped = self.rest.as_bytes().get(1).copied().unwrap_or(sign);
                (Item::One(Class::literal(escaped)), 2)
            }
            b'[' => match Class::read(self.rest) {
                Some((class, length)) => (Item::One(class), length),
                None => (Item::One(Class::literal(sign)), 1),
            },
            _ => (Item::One(Class::literal(sign)), 1),
        };
        self.rest = self.rest.get(length..).unwrap_or_default();
        item
    }
}

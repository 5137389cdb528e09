//! Anchors, and what stops a small file from becoming a huge value.

use std::collections::HashMap;

use super::{
    error::YamlError,
    room::{Room, weight},
};
use crate::config::value::Value;

/// npm `yaml`'s `maxAliasCount`: uses times weight of one anchor. With it a file grows by a factor of about 100
/// at most, however its aliases are nested.
const MAX_ALIAS_COUNT: usize = 100;

/// Levels a value may have once its aliases are put in: the loader's own bound. Aliases could otherwise stack up
/// nesting the parser never sees, until copying and freeing the value overflow the stack.
pub(super) const MAX_DEPTH: usize = 400;

/// The anchors of one document.
pub(super) struct Anchors<'a> {
    /// Levels a value may have.
    deepest: usize,
    /// For this document and those that follow. npm `yaml` shares an aliased value and weighs scalars only; we copy.
    room: &'a mut Room,
    known: HashMap<usize, Anchor>,
    /// Every alias used so far, in order; an anchored node owns a slice of it.
    aliases: Vec<usize>,
    scalars: usize,
    /// Nodes that began and have not ended.
    open: usize,
}

struct Anchor {
    value: Value,
    extent: Extent,
    holds_scalar: bool,
    /// The anchors whose aliases stand inside this node.
    inner: Vec<usize>,
    uses: usize,
    /// The weight found at the first use; zero is not known yet.
    weight: usize,
}

/// How large a value is.
#[derive(Clone, Copy)]
struct Extent {
    values: usize,
    depth: usize,
}

/// Where an anchored node began.
pub(super) struct Mark {
    aliases: usize,
    scalars: usize,
}

impl<'a> Anchors<'a> {
    /// None yet; no value may have more levels than this.
    pub(super) fn up_to(deepest: usize, room: &'a mut Room) -> Self {
        Self {
            deepest,
            room,
            known: HashMap::new(),
            aliases: Vec::new(),
            scalars: 0,
            open: 0,
        }
    }

    /// Forgets the anchors, which end with their document.
    pub(super) fn next_document(&mut self) {
        self.known.clear();
        self.aliases.clear();
        (self.scalars, self.open) = (0, 0);
    }

    /// Notes that a node begins that is no alias; refuses it where it stands too deep.
    pub(super) fn begin(&mut self) -> Result<Mark, YamlError> {
        self.open += 1;
        if self.open > self.deepest {
            let message = format!("Values nest more than {} levels deep", self.deepest);
            return Err(YamlError::new(&message, None));
        }
        self.room.take(1)?;
        Ok(Mark {
            aliases: self.aliases.len(),
            scalars: self.scalars,
        })
    }

    pub(super) fn saw_scalar(&mut self, text: &str) -> Result<(), YamlError> {
        self.scalars += 1;
        self.room.take(weight(text))
    }

    /// Notes that the node ends and keeps it under its anchor; zero is no anchor.
    pub(super) fn end(&mut self, id: usize, since: &Mark, value: &Value) -> Result<(), YamlError> {
        self.open = self.open.saturating_sub(1);
        if id == 0 {
            return Ok(());
        }
        let extent = Extent::of(value);
        self.count_copy(extent)?;
        let anchor = Anchor {
            value: value.clone(),
            extent,
            holds_scalar: self.scalars > since.scalars,
            inner: self.aliases.get(since.aliases..).unwrap_or_default().to_vec(),
            uses: 1,
            weight: 0,
        };
        self.known.insert(id, anchor);
        Ok(())
    }

    /// Returns a copy of the anchored value. An alias inside its own anchor is an error: the value would never end.
    pub(super) fn alias(&mut self, id: usize) -> Result<Value, YamlError> {
        let Some(anchor) = self.known.get(&id) else {
            return Err(YamlError::new("An alias stands inside the value it names", None));
        };
        let weight = match anchor.weight {
            0 => self.weigh(anchor),
            known => known,
        };
        self.aliases.push(id);
        let Some(anchor) = self.known.get_mut(&id) else {
            return Err(unresolved());
        };
        anchor.uses += 1;
        anchor.weight = weight;
        if anchor.uses * weight > MAX_ALIAS_COUNT {
            let message = "Excessive alias count indicates a resource exhaustion attack";
            return Err(YamlError::new(message, None));
        }
        let extent = anchor.extent;
        self.count_copy(extent)?;
        let copy = self.known.get(&id).map(|anchor| anchor.value.clone());
        copy.ok_or_else(unresolved)
    }

    /// Refuses a copy that would be too much or too deep, before it is made.
    fn count_copy(&mut self, extent: Extent) -> Result<(), YamlError> {
        self.room.take(extent.values)?;
        if self.open + extent.depth > self.deepest {
            let message = format!("Anchors and aliases nest more than {} levels deep", self.deepest);
            return Err(YamlError::new(&message, None));
        }
        Ok(())
    }

    fn weigh(&self, anchor: &Anchor) -> usize {
        let inner = anchor.inner.iter().filter_map(|id| self.known.get(id));
        let heaviest = inner.map(|inner| inner.uses * inner.weight).max().unwrap_or(0);
        heaviest.max(usize::from(anchor.holds_scalar))
    }
}

impl Extent {
    fn of(value: &Value) -> Self {
        let below = |children: &mut dyn Iterator<Item = &Value>| {
            let mut whole = Extent { values: 1, depth: 1 };
            for child in children.map(Extent::of) {
                whole.values += child.values;
                whole.depth = whole.depth.max(child.depth + 1);
            }
            whole
        };
        match value {
            Value::Array(items) => below(&mut items.iter()),
            Value::Object(entries) => {
                let mut whole = below(&mut entries.values());
                whole.values += entries.keys().map(|key| 1 + weight(key)).sum::<usize>();
                whole
            }
            Value::String(text) => Extent {
                values: 1 + weight(text),
                depth: 1,
            },
            _ => Extent { values: 1, depth: 1 },
        }
    }
}

fn unresolved() -> YamlError {
    YamlError::new("Unresolved alias", None)
}

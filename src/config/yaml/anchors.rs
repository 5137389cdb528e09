//! Anchors, and the limit that stops a small file from becoming a huge value.

use std::collections::HashMap;

use super::error::YamlError;
use crate::config::value::Value;

/// npm `yaml`'s `maxAliasCount`: uses times weight of one anchor. With it a file grows by a factor of about 100
/// at most, however its aliases are nested.
const MAX_ALIAS_COUNT: usize = 100;

/// The anchors of one document.
#[derive(Default)]
pub(super) struct Anchors {
    known: HashMap<usize, Anchor>,
    /// Every alias used so far, in order; an anchored node owns a slice of it.
    aliases: Vec<usize>,
    scalars: usize,
}

struct Anchor {
    value: Value,
    holds_scalar: bool,
    /// The anchors whose aliases stand inside this node.
    inner: Vec<usize>,
    uses: usize,
    /// The weight found at the first use; zero is not known yet.
    weight: usize,
}

/// Where an anchored node began.
pub(super) struct Mark {
    aliases: usize,
    scalars: usize,
}

impl Anchors {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            aliases: self.aliases.len(),
            scalars: self.scalars,
        }
    }

    pub(super) fn saw_scalar(&mut self) {
        self.scalars += 1;
    }

    /// Keeps the finished node under its anchor; zero is no anchor.
    pub(super) fn define(&mut self, id: usize, since: &Mark, value: &Value) {
        if id == 0 {
            return;
        }
        let anchor = Anchor {
            value: value.clone(),
            holds_scalar: self.scalars > since.scalars,
            inner: self.aliases.get(since.aliases..).unwrap_or_default().to_vec(),
            uses: 1,
            weight: 0,
        };
        self.known.insert(id, anchor);
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
            return Err(YamlError::new("Unresolved alias", None));
        };
        anchor.uses += 1;
        anchor.weight = weight;
        if anchor.uses * weight > MAX_ALIAS_COUNT {
            let message = "Excessive alias count indicates a resource exhaustion attack";
            return Err(YamlError::new(message, None));
        }
        Ok(anchor.value.clone())
    }

    fn weigh(&self, anchor: &Anchor) -> usize {
        let inner = anchor.inner.iter().filter_map(|id| self.known.get(id));
        let heaviest = inner.map(|inner| inner.uses * inner.weight).max().unwrap_or(0);
        heaviest.max(usize::from(anchor.holds_scalar))
    }
}

//! Backstage's typed getters over the layers of an app-config.

mod duration;
mod getters;
mod iso;
mod lookup;

use std::{fmt, sync::Arc};

use super::{
    left_out::LeftOut,
    value::{Object, Value},
};

/// One source of configuration: a file, a remote document or the environment.
#[derive(Clone, PartialEq)]
pub struct Layer {
    /// Base name of the file, `env`, or the URL; named in messages.
    pub context: String,
    /// What it says.
    pub data: Object,
}

/// Reads values the way `@backstage/config`'s `ConfigReader` does: same coercions, same messages.
///
/// Cheap to clone. A reader may be rooted at a key (`config`, `config_array`); messages always carry the full key.
#[derive(Clone)]
pub struct ConfigReader {
    /// Lowest layer first.
    layers: Arc<[Held]>,
    prefix: Arc<str>,
    /// What the merged configuration lacks although it is written.
    left_out: Arc<[LeftOut]>,
    /// Whether messages go beyond Backstage's own and say why a value is missing.
    explains: bool,
}

/// A layer as the reader holds it.
#[derive(Clone)]
struct Held {
    context: String,
    /// Always a mapping; as a value, because the empty key names it.
    data: Value,
}

impl fmt::Debug for Layer {
    /// Where it is from; what it says may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Layer");
        fields.field("context", &self.context).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConfigReader {
    /// Where it reads; what it reads may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contexts: Vec<_> = self.layers.iter().map(|layer| &layer.context).collect();
        let mut fields = formatter.debug_struct("ConfigReader");
        fields.field("prefix", &self.prefix).field("layers", &contexts);
        fields.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_forms_name_the_sources_and_no_value() {
        let data = Object::from([("token".to_owned(), Value::String("hunter2".to_owned()))]);
        let context = "app-config.yaml".to_owned();
        let layer = Layer { context, data };
        let shown = format!("{layer:?} {:?}", ConfigReader::new(vec![layer.clone()]));
        assert!(shown.contains("app-config.yaml"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

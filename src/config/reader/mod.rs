//! Backstage's typed getters over the layers of an app-config.

mod duration;
mod getters;
mod iso;
mod lookup;

use std::sync::Arc;

use super::{
    transform::Dropped,
    value::{Object, Value},
};

/// One source of configuration: a file, a remote document or the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Base name of the file, `env`, or the URL; named in messages.
    pub context: String,
    /// What it says.
    pub data: Object,
}

/// Reads values the way `@backstage/config`'s `ConfigReader` does: same coercions, same messages.
///
/// Cheap to clone. A reader may be rooted at a key (`config`, `config_array`); messages always carry the full key.
#[derive(Debug, Clone)]
pub struct ConfigReader {
    /// Lowest layer first.
    layers: Arc<[Held]>,
    prefix: Arc<str>,
    dropped: Arc<Dropped>,
}

/// A layer as the reader holds it.
#[derive(Debug, Clone)]
struct Held {
    context: String,
    /// Always a mapping; as a value, because the empty key names it.
    data: Value,
}

//! YAML as npm `yaml` v2 reads it: parser events of one crate, and our own layer that makes values of them; and YAML
//! that is written so that all readers agree.
//!
//! `granit-parser` is imported nowhere else. The value-level crates lose what Backstage's reader still sees
//! (`014`, `0b11`, duplicate keys); the parser's events keep it.

mod anchors;
mod compose;
#[cfg(test)]
mod compose_tests;
mod error;
mod keys;
mod place;
mod room;
mod scalar;
mod scalar11;
mod source;
mod write;

pub use compose::{parse, parse_documents, parse_manifests};
pub use error::YamlError;
pub use room::Room;
pub use write::{Form, write};

/// Which words and numbers a plain scalar may stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// YAML 1.2 core schema: app-config and catalog files.
    #[default]
    Core,
    /// YAML 1.1: what Kubernetes tools read. `yes` is a boolean, `0644` is octal, `<<` merges.
    Yaml11,
}

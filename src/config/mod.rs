//! app-config: the file format of Backstage. Knows the format, not the plugins.

mod diff;
mod discover;
mod env_overrides;
mod environment;
mod error;
mod files;
mod include;
mod js;
mod json;
mod keys;
mod live;
mod load;
mod merge;
mod problems;
mod reader;
mod render;
mod secrets;
mod store;
mod substitute;
mod transform;
mod value;
mod watch;
pub mod yaml;

pub use discover::workspace_root;
pub use environment::Environment;
pub use error::ConfigError;
pub use json::{from_json, to_json};
pub use live::Live;
pub use load::{Fetch, LoadOptions, Loaded, load};
pub use problems::Problems;
pub use reader::{ConfigReader, Layer};
pub use render::{Format, render};
pub use secrets::{redacted, secret_values};
pub use store::{Apply, ConfigStore};
pub use value::{Object, Value};
pub use watch::{watch, watch_every};

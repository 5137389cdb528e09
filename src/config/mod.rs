//! app-config: the file format of Backstage. Knows the format, not the plugins.

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
mod reader;
mod store;
mod substitute;
mod transform;
mod value;
pub mod yaml;

pub use discover::workspace_root;
pub use environment::Environment;
pub use error::ConfigError;
pub use json::{from_json, to_json};
pub use live::Live;
pub use load::{Fetch, LoadOptions, Loaded, load};
pub use reader::{ConfigReader, Layer};
pub use store::ConfigStore;
pub use value::{Object, Value};

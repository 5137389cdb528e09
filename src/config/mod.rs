//! app-config: the file format of Backstage. Knows the format, not the plugins.

mod error;
mod live;
mod reader;
mod store;
mod value;

pub use error::ConfigError;
pub use live::Live;
pub use reader::{ConfigReader, Layer};
pub use store::ConfigStore;
pub use value::{Object, Value};

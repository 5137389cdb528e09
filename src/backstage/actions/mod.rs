//! The actions registry: operations that Templates, agents and scripts find and run by name over HTTP.
//!
//! A plugin hands over its `Actions`; the mount answers `/.backstage/actions/…` for all plugins alike.

mod action;
mod filter;
mod fit;
mod invocation;
mod invoke;
mod reason;
mod registry;
mod routes;
mod schema;
mod settings;

pub use action::{Action, Attributes, Call, Example, NoInput};
pub use registry::Actions;
pub use schema::Schema;

pub(super) use invocation::Invocation;
pub(super) use registry::Registry;
pub(super) use routes::routes;
pub(super) use settings::{ActionSettings, LIVE_KEYS};

#[cfg(test)]
pub(crate) use reason::phrase;

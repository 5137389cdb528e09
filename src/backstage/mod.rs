//! The Backstage contract every plugin shares: plugin ids, credentials, error bodies.

pub mod auth;
pub mod discovery;
pub mod error;
pub mod plugin;
pub mod routes;

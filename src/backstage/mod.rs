//! The Backstage contract every plugin shares: plugin ids, credentials, error bodies.

pub mod actions;
pub mod audit;
pub mod auth;
pub mod builder;
pub mod catalog;
pub mod discovery;
pub mod error;
mod fair_share;
pub mod front;
pub mod integrations;
pub mod lifecycle;
mod mount;
pub mod notifications;
pub mod permission;
pub mod plugin;
pub mod plugin_client;
pub mod root;
pub mod routes;
pub mod unread;
pub mod user_text;
pub mod users;
pub mod waiting;
pub mod write_callers;

pub use builder::BackendBuilder;
pub use plugin::{BackendPlugin, Check, InitError, Plugin, PluginEnv};

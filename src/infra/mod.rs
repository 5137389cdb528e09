//! How we reach things; no Backstage, Kratix or Spacelift words.

pub mod http_client;
pub mod single_flight;
pub mod tasks;

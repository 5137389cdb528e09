//! How we reach things; no Backstage, Kratix or Spacelift words.

pub mod clock;
mod crypto;
pub mod data_folder;
pub mod database;
pub mod git;
pub mod http_client;
pub mod http_proxy;
pub mod http_server;
pub mod kubernetes;
pub mod parsing;
pub mod single_flight;
pub mod tasks;

pub use crypto::install_crypto_provider;

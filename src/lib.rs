//! Stagedoor stands in for Backstage's Node backend wherever a portal talks to Spacelift and SKE/Kratix.
//!
//! The data flows in three sentences. `config` reads the portal's own `app-config.yaml` into typed sections;
//! `backstage` checks who calls and hands the request to the plugin that owns the path; the plugin asks its
//! upstream once for all callers and answers in the exact words the stock frontend expects.
//! `docs/ARCHITECTURE.md` draws the picture; who may import whom is enforced by `tests/it/layering.rs`.

pub mod app;
pub mod backstage;
pub mod cli;
pub mod config;
pub mod infra;
pub mod plugins;
pub mod shutdown;
pub mod simulator;
pub mod telemetry;

//! Who is let in, and at what cost.

mod caching;
mod configuration;
mod discovery;
mod limits;
mod log;
mod malformed;
mod service;
mod verdicts;

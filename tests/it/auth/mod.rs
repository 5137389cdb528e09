//! Who is let in, and at what cost.

mod caching;
mod configuration;
mod discovery;
mod limits;
mod malformed;
mod service;
mod verdicts;

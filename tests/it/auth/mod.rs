//! Who is let in, and at what cost.

mod addresses;
mod caching;
mod check;
mod configuration;
mod cookie;
mod discovery;
mod forgery;
mod limits;
mod log;
mod malformed;
mod refresh;
pub(crate) mod sample;
mod service;
mod verdicts;

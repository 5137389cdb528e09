//! The only integration binary: the whole service on real sockets, with the real parts around it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets the unexpected should stop there; the lints know #[test] functions but not their helpers"
)]

mod auth;
mod config;
mod container;
mod http;
mod layering;
mod support;

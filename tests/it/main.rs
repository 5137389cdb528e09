//! The only integration binary: the whole service on real sockets, with the real parts around it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test that meets the unexpected should stop there, nothing outlives it, and nothing of it is public; the lints know #[test] functions but not their helpers"
)]

mod actions;
mod audit;
mod auth;
mod browser;
mod canary;
mod cli;
mod config;
mod container;
mod demo;
mod docs;
mod front;
mod git;
mod http;
mod integrations;
mod kubernetes;
mod layering;
mod mount;
mod order;
mod overlay;
mod permissions;
mod portal;
mod reload;
mod simulator;
mod ske;
mod spacelift;
mod support;
mod warnings;

//! What the tests stand on: the whole service on a free port, and the real parts or strict fakes around it.

pub(crate) mod app;
pub(crate) mod backstage;
pub(crate) mod backstage_backend;
pub(crate) mod binary;
pub(crate) mod code_host;
pub(crate) mod git;
pub(crate) mod github;
pub(crate) mod guarded;
pub(crate) mod kubernetes;
pub(crate) mod kubernetes_fake;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod policy;
#[allow(dead_code, reason = "the library's own tests use the rest of it")]
pub(crate) mod postgres;
pub(crate) mod python;
pub(crate) mod simulator;
pub(crate) mod spacelift;

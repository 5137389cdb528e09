//! A real Git server with faults on demand, the repositories it serves, and the engine under test in front of it.

pub(crate) mod backend;
pub(crate) mod child;
pub(crate) mod remote;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod workshop;

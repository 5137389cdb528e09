//! What the other tests rely on: that the API server they get is a real one and behaves like one.

mod access;
mod build;
mod faults;
mod kratix;
mod server;

//! Logging: one line per event on standard output, redacted, written off the threads that serve.

mod init;
mod layer;
mod level;
mod line;
mod output;
mod overrides;
mod panic;
mod redaction;
mod settings;
#[cfg(test)]
mod tests;

pub use init::{LogEnvironment, TelemetryError, TelemetryGuard, build, init};

//! libgit2's process-wide options: the one file with `unsafe`, since libgit2 keeps them in plain C globals.
//!
//! [`super::GitLibrary`] calls `set` once, before any repository is opened and any connection is made.

#![allow(
    unsafe_code,
    reason = "the options are globals of a C library; nothing else in this crate is unsafe"
)]

use std::{path::Path, time::Duration};

use git2::{ConfigLevel, TraceLevel, opts};

/// What libgit2 takes for the whole process.
pub(super) struct ProcessOptions<'a> {
    /// PEM file with authorities trusted besides the system's.
    pub(super) authorities: Option<&'a Path>,
    /// Time for a TCP connection to be made.
    pub(super) connect_timeout: Duration,
    /// Time a connection may stay silent.
    pub(super) silence_timeout: Duration,
    /// Hears what the library does, among it where it connects to.
    pub(super) listener: fn(TraceLevel, &[u8]),
    /// Bytes of parsed objects kept in memory, over all repositories.
    pub(super) cache_bytes: u32,
}

/// Configuration of the machine and of its users, which must not steer a service.
const LEVELS: [ConfigLevel; 4] = [
    ConfigLevel::ProgramData,
    ConfigLevel::System,
    ConfigLevel::XDG,
    ConfigLevel::Global,
];

/// Sets the options.
///
/// # Errors
/// libgit2 refuses one, such as a file that holds no certificate.
pub(super) fn set(options: &ProcessOptions<'_>) -> Result<(), git2::Error> {
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: each call writes a global that libgit2 reads without a lock while it works on a repository or a
    // connection. There is neither yet: only a `GitLibrary` leads to one, and it exists after this call, made once.
    unsafe {
        for level in LEVELS {
            opts::set_search_path(level, "")?;
        }
        opts::set_cache_max_size(options.cache_bytes as _)?;
        opts::set_server_connect_timeout_in_milliseconds(milliseconds(options.connect_timeout))?;
        opts::set_server_timeout_in_milliseconds(milliseconds(options.silence_timeout))?;
        if let Some(file) = options.authorities {
            opts::set_ssl_cert_file(file)?;
        }
    }
    git2::trace_set(TraceLevel::Debug, options.listener)
}

//! libgit2's process-wide options: the one file with `unsafe`, since libgit2 keeps them in plain C globals.
//!
//! [`super::GitLibrary`] calls `set` once, before any repository is opened and any connection is made.

#![allow(
    unsafe_code,
    reason = "the options are globals of a C library; nothing else in this crate is unsafe"
)]

use git2::{
    ConfigLevel, Error, Remote, opts,
    transport::{Transport, register},
};

/// Makes the transport of one connection.
pub(super) type Factory = fn(&Remote<'_>) -> Result<Transport, Error>;

/// Configuration of the machine and of its users, which must not steer a service.
const LEVELS: [ConfigLevel; 4] = [
    ConfigLevel::ProgramData,
    ConfigLevel::System,
    ConfigLevel::XDG,
    ConfigLevel::Global,
];

/// The schemes of a remote; libgit2's own transport for http never is used.
const SCHEMES: [&str; 2] = ["http", "https"];

/// Bounds the bytes of parsed objects kept in memory over all repositories, and makes the factory the only way to
/// connect.
///
/// # Errors
/// libgit2 refuses an option.
pub(super) fn set(cache_bytes: u32, factory: Factory) -> Result<(), Error> {
    // SAFETY: each call writes a global that libgit2 reads without a lock while it works on a repository or a
    // connection. There is neither yet: only a `GitLibrary` leads to one, and it exists after this call, made once.
    unsafe {
        for level in LEVELS {
            opts::set_search_path(level, "")?;
        }
        for scheme in SCHEMES {
            register(scheme, factory)?;
        }
        opts::set_cache_max_size(cache_bytes as _)
    }
}

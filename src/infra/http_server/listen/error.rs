//! Why an address could not be listened on, and what cures it.

use std::io;

/// What named the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// `--listen`.
    Argument,
    /// `stagedoor.listen`.
    Own,
    /// `backend.listen`, or its default.
    Backstage,
}

impl NamedBy {
    /// What to change. Backstage's own backend reads `backend.listen` too, so it stays as it is.
    fn cure(self) -> &'static str {
        match self {
            Self::Argument => "give another address with --listen",
            Self::Own => "change `stagedoor.listen`",
            Self::Backstage => {
                "set `stagedoor.listen` (or --listen), since `backend.listen` is where Backstage itself listens"
            }
        }
    }
}

/// Why the address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("Could not listen on {address}: {}; {} ({source})", reason(source), named_by.cure())]
pub struct ListenError {
    pub(super) address: String,
    pub(super) named_by: NamedBy,
    /// What the system said.
    #[source]
    pub(super) source: io::Error,
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "it is already in use",
        io::ErrorKind::PermissionDenied => {
            "the system does not permit it; ports below 1024 need CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::Unsupported => "this machine does not support that kind of address",
        // What the resolver says has no kind of its own.
        _ => "the system refused it, or the name does not resolve",
    }
}

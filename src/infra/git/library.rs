//! The Git library, set up once for the process: our HTTP client as its transport, no configuration of users.

use std::sync::OnceLock;

use super::{libgit2, smart_http};
use crate::infra::http_client::HttpClients;

/// libgit2 would take 256 MB; trees of 50,000 files in folders of 1,000 need less than 4 MB.
const CACHE_BYTES: u32 = 32 * 1024 * 1024;

static STARTED: OnceLock<Result<(), LibraryError>> = OnceLock::new();

/// Proof that the library is set up, and the clients it connects with; repositories can only be opened with it. Cheap
/// to clone.
#[derive(Debug, Clone)]
pub struct GitLibrary {
    pub(super) http: HttpClients,
}

/// libgit2 refused an option.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the Git library refused its settings: {0}")]
pub struct LibraryError(String);

impl GitLibrary {
    /// Sets the library up, at the first call in a process; repositories opened with what is returned connect through
    /// these clients. To be called before anything else is done with Git.
    ///
    /// # Errors
    /// The library refuses an option.
    pub fn start(http: HttpClients) -> Result<Self, LibraryError> {
        let started = STARTED.get_or_init(|| {
            libgit2::set(CACHE_BYTES, smart_http::transport)
                .map_err(|error| LibraryError(error.message().to_owned()))
        });
        started.clone().map(|()| Self { http })
    }
}

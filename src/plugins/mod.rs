//! The plugins, and the one list of them.

mod ske;
mod spacelift;

use crate::backstage::BackendBuilder;

/// Adds every plugin; a new one is its folder and its lines here.
pub fn register(backend: BackendBuilder) -> BackendBuilder {
    backend
        .add::<spacelift::SpaceliftPlugin>()
        .add::<ske::SkePlugin>()
}

//! What several tests need.

pub(crate) mod backstage;
pub(crate) mod node;

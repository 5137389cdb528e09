//! The Node plugin's routes, and plain ones for what the actions do.

mod runs;
mod stacks;

use std::sync::Arc;

use super::service::Spacelift;
use crate::backstage::routes::Routes;

pub(super) use stacks::OPEN;

/// All routes of the plugin.
pub(super) fn routes(spacelift: &Arc<Spacelift>) -> Routes {
    runs::add(stacks::add(Routes::new(), spacelift), spacelift)
}

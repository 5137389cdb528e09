//! What the log says once of each stack that cannot be shown, since the list is fetched every few seconds.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;
use tracing::warn;

use super::listed::OddStack;

/// Lines at most; where so many stacks are odd, more names help nobody.
const MOST: usize = 100;

/// The stacks that were told of. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices(Arc<Mutex<HashSet<OddStack>>>);

impl Notices {
    /// Tells of those that are new.
    pub(super) fn tell(&self, odd: &[OddStack]) {
        let mut told = self.0.lock();
        for stack in odd {
            if told.len() < MOST && told.insert(stack.clone()) {
                warn!("Spacelift's {stack}, so it is left out of the list of stacks");
            }
        }
    }
}

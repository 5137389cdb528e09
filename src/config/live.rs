//! A value that follows configuration reloads.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// A shared value whose readers always see the newest accepted configuration.
#[derive(Debug)]
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// Starts with a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// Returns the newest value.
    pub fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Returns the newest value for a short look, cheaper than `get`; not to be held across an `await`.
    pub fn load(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// Replaces the value for all readers.
    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

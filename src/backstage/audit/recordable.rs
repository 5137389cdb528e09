//! What events tell of a failure.

use crate::backstage::error::BackstageError;

/// A failure that events can tell of.
pub trait Recordable {
    /// Says what went wrong, without what only the caller may read, such as a value of his own that a server quotes.
    fn recorded(&self) -> String;
}

impl Recordable for BackstageError {
    fn recorded(&self) -> String {
        self.logged().to_owned()
    }
}

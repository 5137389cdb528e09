//! The moment by which an exchange with Spacelift must have ended.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::error::SpaceliftError;

/// A point in time, and the limit it came from for the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// The time is up after this long from now.
    pub(super) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }

    /// Waits for the work, but not beyond the deadline.
    pub(super) async fn bound<T>(
        self,
        operation: &'static str,
        work: impl Future<Output = Result<T, SpaceliftError>>,
    ) -> Result<T, SpaceliftError> {
        let slow = SpaceliftError::Slow {
            operation,
            limit: self.limit,
        };
        timeout_at(self.at, work).await.unwrap_or(Err(slow))
    }
}

//! A failure that is told again for a moment, so that many callers do not become many attempts.

use std::time::Duration;

use tokio::time::Instant;

use super::error::SpaceliftError;

/// How long a failure is told again. A poll every ten seconds never notices, a burst does not multiply.
const FAILURE_HOLD: Duration = Duration::from_secs(1);

/// Longest we obey `Retry-After` without trying: a mistake there must not switch the portal off.
const MAX_RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// A failure and the end of its hold.
#[derive(Debug, Clone)]
pub(super) struct Held {
    error: SpaceliftError,
    until: Instant,
}

impl Held {
    /// Holds the failure from now on: a second, or as long as Spacelift asked to be left alone.
    pub(super) fn new(error: &SpaceliftError) -> Self {
        let now = Instant::now();
        let until = error
            .retry_at()
            .map_or(now + FAILURE_HOLD, |at| at.min(now + MAX_RATE_LIMIT_HOLD));
        Self::until(error.clone(), until)
    }

    /// Holds the failure until then.
    pub(super) fn until(error: SpaceliftError, until: Instant) -> Self {
        Self { error, until }
    }

    /// Returns the failure while it is held.
    pub(super) fn failure(&self, now: Instant) -> Option<SpaceliftError> {
        (now < self.until).then(|| self.error.clone())
    }

    /// Whether Spacelift itself asked for the pause.
    pub(super) fn was_asked_for(&self) -> bool {
        self.error.retry_at().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_held_for_a_second() {
        let held = Held::new(&SpaceliftError::SessionRefused);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(held.failure(Instant::now()).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(held.failure(Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_obeyed_for_at_most_a_minute() {
        let now = Instant::now();
        for (asked, obeyed) in [(30, 30), (600, 60)] {
            let held = Held::new(&SpaceliftError::RateLimited {
                retry_at: now + Duration::from_secs(asked),
            });
            assert!(held.failure(now + Duration::from_secs(obeyed - 1)).is_some());
            assert!(held.failure(now + Duration::from_secs(obeyed)).is_none());
        }
    }
}

//! The time as the door sees it; a test can move it forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The wall clock and the monotonic clock, both shifted by what a test added. Cheap to clone; clones move together.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    shift_millis: Arc<AtomicU64>,
}

impl Clock {
    /// Moves this clock and all its clones forward; for tests, which must not sleep.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shift_millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// Returns whole seconds since 1970, rounded down, as tokens are compared with.
    pub(super) fn unix_seconds(&self) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.shift();
        now.as_secs() as f64
    }

    /// Returns a time that never goes back, for ages and budgets.
    pub(super) fn instant(&self) -> Instant {
        Instant::now() + self.shift()
    }

    fn shift(&self) -> Duration {
        Duration::from_millis(self.shift_millis.load(Ordering::Relaxed))
    }
}

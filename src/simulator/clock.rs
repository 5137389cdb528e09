//! The simulator's own time: it moves only when told, so that a test never waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in simulated time, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SimTime(u64);

impl SimTime {
    /// The machine's time now: where simulated time begins, so that expiry times make sense to real clients.
    pub(super) fn from_system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// Returns this time plus the duration.
    pub(super) fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Returns this time minus the duration.
    pub(super) fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Unix seconds, the unit of every time in Spacelift's API.
    pub(super) fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }
}

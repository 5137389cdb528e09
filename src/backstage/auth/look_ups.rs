//! When a key document may be asked for. What strangers cause has a bound, and what one of them spends is not missing to
//! the others.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{budget::Budget, refusal::Refusal};

/// Pause after a background fetch that failed: a dozen tries before the document is too old.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);

/// Whatever strangers ask for, the owner of a document that is in use is asked again this long after the last look: a
/// blip or a made-up key id must not shut a caller out, and one fetch in two seconds is no storm.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a failure answers the address that caused it, for a source only a token named.
const STRANGERS_FAILURE_REMEMBERED: Duration = Duration::from_secs(30);

/// Looks for unknown key ids within the pause, by one address, because a restarted backend signs with a new key at once;
/// Backstage's value.
const FORCED_BY_EACH: usize = 10;

/// The same by all addresses.
const FORCED_BY_ALL: usize = 50;

/// The span of the two above.
const FORCED_WINDOW: Duration = Duration::from_secs(60);

/// Plugin ids without a place in the configuration that one address may have looked up per minute; a portal's own plugins all fit.
const NEW_BY_EACH: usize = 10;

/// The same by all addresses.
const NEW_BY_ALL: usize = 100;

/// The span of the two above.
const NEW_WINDOW: Duration = Duration::from_secs(60);

/// What look-ups of plugin ids without a place in the configuration have spent. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Newcomers(Arc<Mutex<Budget>>);

/// What is known of the look-ups of one document.
#[derive(Debug)]
pub(super) struct LookUps {
    failed: Option<Failure>,
    forced_failed: Option<Failure>,
    forced: Budget,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    caused_by: Option<IpAddr>,
    refusal: Refusal,
}

/// Who asks for a document of which kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) now: Instant,
    pub(super) client: Option<IpAddr>,
    /// Of a source that only tokens named and that never had keys: what they spend.
    pub(super) stranger: Option<&'a Newcomers>,
}

impl Newcomers {
    /// Nothing is spent yet.
    pub(super) fn new() -> Self {
        let budget = Budget::new(NEW_BY_EACH, NEW_BY_ALL, NEW_WINDOW);
        Self(Arc::new(Mutex::new(budget)))
    }

    /// Spends one look-up for the address.
    ///
    /// # Errors
    /// None is left.
    pub(super) fn admit(&self, client: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        match self.0.lock().spend(client, now) {
            true => Ok(()),
            false => Err(Refusal::TooManyNewPlugins),
        }
    }
}

impl LookUps {
    /// There were none.
    pub(super) fn new() -> Self {
        Self {
            failed: None,
            forced_failed: None,
            forced: Budget::new(FORCED_BY_EACH, FORCED_BY_ALL, FORCED_WINDOW),
        }
    }

    /// Notes that one succeeded.
    pub(super) fn succeeded(&mut self) {
        self.failed = None;
        self.forced_failed = None;
    }

    /// Notes that one failed, and whom it answers as well.
    pub(super) fn failed(&mut self, forced: bool, asking: Asking<'_>, refusal: Refusal) {
        let failure = Some(Failure {
            at: asking.now,
            caused_by: asking.client,
            refusal,
        });
        match forced {
            true => self.forced_failed = failure,
            false => self.failed = failure,
        }
    }

    /// Whether a document that grows old may be asked for.
    pub(super) fn may_refresh(&self, now: Instant) -> bool {
        let pausing = |failure: &Failure| now.duration_since(failure.at) < REFRESH_PAUSE;
        !self.failed.as_ref().is_some_and(pausing)
    }

    /// Passes if a document that is needed may be asked for.
    ///
    /// # Errors
    /// With what failed a moment ago, or too often.
    pub(super) fn admit_needed(&self, asking: Asking<'_>) -> Result<(), Refusal> {
        let Some(failed) = &self.failed else {
            return Ok(());
        };
        failed.answers(asking)?;
        match asking.stranger {
            Some(newcomers) => newcomers.admit(asking.client, asking.now),
            None => Ok(()),
        }
    }

    /// Whether to look for a key that the document of that time lacks.
    ///
    /// # Errors
    /// With what failed a moment ago.
    pub(super) fn may_force(
        &mut self,
        fetched_at: Option<Instant>,
        asking: Asking<'_>,
    ) -> Result<bool, Refusal> {
        for failure in [&self.forced_failed, &self.failed].into_iter().flatten() {
            failure.answers(asking)?;
        }
        let failed_at = self.forced_failed.as_ref().map(|failure| failure.at);
        let paused = |last: Instant| asking.now.duration_since(last) >= PAUSE;
        Ok(fetched_at.max(failed_at).is_none_or(paused) || self.forced.spend(asking.client, asking.now))
    }
}

impl Failure {
    /// Answers with the failure while it is young.
    fn answers(&self, asking: Asking<'_>) -> Result<(), Refusal> {
        let again = asking.stranger.is_some() && self.caused_by == asking.client;
        let remembered = if again {
            STRANGERS_FAILURE_REMEMBERED
        } else {
            PAUSE
        };
        match asking.now.duration_since(self.at) < remembered {
            true => Err(self.refusal.clone()),
            false => Ok(()),
        }
    }
}

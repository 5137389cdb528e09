//! Waiting for a run: looks at it now and then until it rests, and gives up in time to say so.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    client::SpaceliftClient,
    domain::{RunDetails, RunId, StackId},
    error::SpaceliftError,
};

/// Longest wait, whatever was asked for: Node's `fetch` gives up after 300 s without an answer, and the scaffolder
/// does not try again.
pub(super) const LONGEST: Duration = Duration::from_secs(240);

/// How long is waited unless the caller says otherwise.
pub(super) const USUAL: Duration = Duration::from_secs(120);

/// The answer must be there before the caller's credentials end: a step after it needs them.
const BEFORE_THE_END: Duration = Duration::from_secs(5);

/// Time for one look, however short the wait.
const LEAST_LOOK: Duration = Duration::from_secs(3);

/// Pause after the first look; each further one is half as long again, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Longest pause: that of Spacelift's own Terraform provider.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Which run is waited for, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited<'a> {
    pub(super) stack: &'a StackId,
    pub(super) run: &'a RunId,
    pub(super) patience: Duration,
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waited {
    pub(super) run: RunDetails,
    /// Whether the run was still going on.
    pub(super) timed_out: bool,
}

/// Returns how long may be waited: as asked for, at most the longest, and not beyond the end of the credentials.
pub(super) fn patience(asked: Duration, credentials_end: Option<i64>, now: Timestamp) -> Duration {
    let left = credentials_end.map_or(LONGEST, |end| {
        let seconds = u64::try_from(end - now.as_second()).unwrap_or_default();
        Duration::from_secs(seconds).saturating_sub(BEFORE_THE_END)
    });
    asked.min(LONGEST).min(left)
}

/// Looks at the run until it rests or the patience is at its end. A moment in which Spacelift does not answer is
/// waited through.
pub(super) async fn wait(client: &SpaceliftClient, awaited: Awaited<'_>) -> Result<Waited, SpaceliftError> {
    let until = Instant::now() + awaited.patience;
    let mut pause = FIRST_PAUSE;
    let mut seen: Option<RunDetails> = None;
    loop {
        let failure = match look(client, awaited, until).await {
            Ok(run) if run.rests() => {
                return Ok(Waited {
                    run,
                    timed_out: false,
                });
            }
            Ok(run) => {
                seen = Some(run);
                None
            }
            Err(error) if passes(&error) => Some(error),
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        if now >= until {
            let unknown = failure.unwrap_or(SpaceliftError::Abandoned);
            return seen.map(|run| Waited { run, timed_out: true }).ok_or(unknown);
        }
        let asked_for = failure.as_ref().and_then(SpaceliftError::retry_at).unwrap_or(now);
        sleep_until((now + pause).max(asked_for).min(until)).await;
        pause = (pause + pause / 2).min(LONGEST_PAUSE);
    }
}

/// One look, which does not outlast the patience by more than a moment.
async fn look(
    client: &SpaceliftClient,
    awaited: Awaited<'_>,
    until: Instant,
) -> Result<RunDetails, SpaceliftError> {
    let end = until.max(Instant::now() + LEAST_LOOK);
    let looked = timeout_at(end, client.run(awaited.stack, awaited.run)).await;
    looked.unwrap_or(Err(SpaceliftError::Slow {
        operation: "GetRun",
        limit: LEAST_LOOK,
    }))
}

/// Whether the next look may succeed all the same.
fn passes(error: &SpaceliftError) -> bool {
    use SpaceliftError as E;
    match error {
        E::RateLimited { .. } | E::Unreachable(_) | E::Interrupted { .. } | E::Slow { .. } => true,
        E::Failed { status, .. } => status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_before_240_seconds_and_before_the_credentials() {
        let now = Timestamp::from_second(1_000).unwrap();
        let seconds = |asked: u64, end| patience(Duration::from_secs(asked), end, now).as_secs();
        assert_eq!(seconds(120, None), 120);
        assert_eq!(seconds(10_000, None), 240);
        assert_eq!(seconds(120, Some(1_065)), 60);
        assert_eq!(seconds(120, Some(1_004)), 0);
        assert_eq!(seconds(120, Some(900)), 0);
        assert_eq!(seconds(30, Some(1_065)), 30);
    }
}

//! Waiting for something to come to rest: looks at it now and then, and gives up in time to say so.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use parking_lot::Mutex;
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    auth::Credentials,
    error::BackstageError,
    fair_share::{FairShare, Place},
};
use crate::infra::{clock::unix_seconds, tasks::Tasks};

/// Longest wait, whatever was asked for: Node's `fetch` gives up after 300 s without an answer, and the scaffolder
/// does not try again.
const LONGEST: Duration = Duration::from_secs(240);

/// How long is waited unless the caller says otherwise.
const USUAL: Duration = Duration::from_secs(120);

/// The answer must be there before the caller's credentials end: a step after it needs them.
const BEFORE_THE_END: Duration = Duration::from_secs(5);

/// Time for one look, however short the wait.
pub const LEAST_LOOK: Duration = Duration::from_secs(3);

/// Pause after the first look; each further one is half as long again, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Longest pause: that of Spacelift's own Terraform provider.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Waits at once in one plugin. With a look of each every ten seconds they ask the other side ten questions a second,
/// which leaves it room for everything else.
const MOST_WAITS: usize = 100;

/// Waits at once of one caller in one plugin, so that a tenth of the callers cannot keep out all others. A Template waits
/// for one thing after the other.
const MOST_WAITS_EACH: usize = 10;

/// When a caller for whom there was no room may try again, in seconds.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("10");

/// What is waited for.
pub trait Watch: Sync {
    /// What one look shows.
    type Seen: Send;
    /// Why a look failed.
    type Failure: Send;

    /// Looks once.
    ///
    /// # Errors
    /// Whatever kept it from being seen.
    fn look(&self) -> impl Future<Output = Result<Self::Seen, Self::Failure>> + Send;

    /// Whether the wait is over, now that this is seen and that was seen before.
    fn rests(&self, seen: &Self::Seen, before: Option<&Self::Seen>) -> bool;

    /// Whether the next look may succeed all the same.
    fn passes(&self, failure: &Self::Failure) -> bool;

    /// Before when it is of no use to look again, if the other side said so.
    fn retry_at(&self, failure: &Self::Failure) -> Option<Instant>;

    /// What to say when no look ended in time.
    fn unseen(&self) -> Self::Failure;
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited<T> {
    /// What was seen last.
    pub seen: T,
    /// Whether the time was up before it came to rest.
    pub timed_out: bool,
}

/// Returns how long may be waited: the seconds asked for, at most the longest, and not beyond the end of the caller's
/// credentials.
pub fn patience(asked: Option<u16>, credentials_end: Option<i64>) -> Duration {
    patience_at(asked, credentials_end, unix_seconds())
}

fn patience_at(asked: Option<u16>, credentials_end: Option<i64>, now: i64) -> Duration {
    let asked = asked.map_or(USUAL, |seconds| Duration::from_secs(seconds.into()));
    let left = credentials_end.map_or(LONGEST, |end| {
        let seconds = u64::try_from(end.saturating_sub(now)).unwrap_or_default();
        Duration::from_secs(seconds).saturating_sub(BEFORE_THE_END)
    });
    asked.min(LONGEST).min(left)
}

/// Room for the waits of one plugin, which end with the service.
#[derive(Debug)]
pub struct Waits {
    room: Arc<Semaphore>,
    each: FairShare,
    tasks: Tasks,
}

/// Leave to wait once.
#[derive(Debug)]
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _own: Place,
    tasks: Tasks,
}

impl Waits {
    /// Nothing is waited for yet.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST_WAITS)),
            each: FairShare::new(MOST_WAITS_EACH),
            tasks,
        }
    }

    /// Takes a place for the caller.
    ///
    /// # Errors
    /// 429 when the caller holds as many as one may, 503 when there is none left for anyone.
    pub fn begin(&self, caller: &Credentials) -> Result<Turn, BackstageError> {
        let own = self.each.take(caller).ok_or_else(too_many_of_one)?;
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_| full())?;
        Ok(Turn {
            _place: place,
            _own: own,
            tasks: self.tasks.clone(),
        })
    }
}

fn too_many_of_one() -> BackstageError {
    let message = format!(
        "{MOST_WAITS_EACH} waits of this caller are under way here, which is as many as one caller may have; try again \
         when one has ended, or look at the state now and then"
    );
    BackstageError::unavailable(StatusCode::TOO_MANY_REQUESTS, message).with_header(RETRY_AFTER, TRY_AGAIN)
}

fn full() -> BackstageError {
    let message = format!(
        "{MOST_WAITS} waits are under way here, which is as many as there may be; try again in a moment, or look at the \
         state now and then"
    );
    BackstageError::unavailable(StatusCode::SERVICE_UNAVAILABLE, message).with_header(RETRY_AFTER, TRY_AGAIN)
}

impl Turn {
    /// Looks until it rests, or the patience is at its end, or the service ends. A moment in which nothing can be seen
    /// is waited through.
    ///
    /// # Errors
    /// A look failed for good, or nothing was ever seen.
    pub async fn wait<W: Watch>(self, watch: &W, patience: Duration) -> Result<Waited<W::Seen>, W::Failure> {
        let last = Mutex::new(None);
        let mut waiting = pin!(wait(watch, patience, &last));
        select! {
            biased;
            waited = &mut waiting => return waited,
            () = self.tasks.leaving() => {}
        }
        // Time for the first look, without which there is nothing to tell.
        if last.lock().is_none()
            && let Ok(waited) = timeout(LEAST_LOOK, &mut waiting).await
        {
            return waited;
        }
        let seen = last.lock().take();
        seen.map(Waited::timed_out).ok_or_else(|| watch.unseen())
    }
}

impl<T> Waited<T> {
    fn timed_out(seen: T) -> Self {
        Self {
            seen,
            timed_out: true,
        }
    }
}

/// Looks until it rests or the patience is at its end; keeps in `last` what was seen so far.
async fn wait<W: Watch>(
    watch: &W,
    patience: Duration,
    last: &Mutex<Option<W::Seen>>,
) -> Result<Waited<W::Seen>, W::Failure> {
    let until = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        // A look does not outlast the patience by more than a moment.
        let end = until.max(Instant::now() + LEAST_LOOK);
        let failure = match timeout_at(end, watch.look()).await {
            Ok(Ok(seen)) => {
                let mut last = last.lock();
                if watch.rests(&seen, last.as_ref()) {
                    return Ok(Waited {
                        seen,
                        timed_out: false,
                    });
                }
                *last = Some(seen);
                None
            }
            Ok(Err(failure)) if watch.passes(&failure) => Some(failure),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => Some(watch.unseen()),
        };
        let now = Instant::now();
        if now >= until {
            let seen = last.lock().take();
            return seen
                .map(Waited::timed_out)
                .ok_or_else(|| failure.unwrap_or_else(|| watch.unseen()));
        }
        let asked_for = failure
            .and_then(|failure| watch.retry_at(&failure))
            .unwrap_or(now);
        sleep_until((now + pause).max(asked_for).min(until)).await;
        pause = (pause + pause / 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backstage::auth::{Principal, ServicePrincipal};

    /// Shows these one after the other; `Err(true)` passes. What is over rests when it is seen twice.
    struct Shown(Mutex<Vec<Result<&'static str, bool>>>);

    impl Watch for Shown {
        type Seen = &'static str;
        type Failure = bool;

        async fn look(&self) -> Result<&'static str, bool> {
            let next = self.0.lock().pop();
            match next {
                Some(shown) => shown,
                None => std::future::pending().await,
            }
        }

        fn rests(&self, seen: &&'static str, before: Option<&&'static str>) -> bool {
            *seen == "over" && before == Some(seen)
        }

        fn passes(&self, failure: &bool) -> bool {
            *failure
        }

        fn retry_at(&self, _: &bool) -> Option<Instant> {
            Some(Instant::now() + Duration::from_secs(30))
        }

        fn unseen(&self) -> bool {
            false
        }
    }

    /// The outcome, and the seconds it took.
    async fn waits(
        seconds: u64,
        shown: &[Result<&'static str, bool>],
    ) -> (Result<(&'static str, bool), bool>, u64) {
        waits_until(seconds, shown, std::future::pending()).await
    }

    /// The same in a service that ends then.
    async fn waits_until(
        seconds: u64,
        shown: &[Result<&'static str, bool>],
        end: impl Future<Output = ()>,
    ) -> (Result<(&'static str, bool), bool>, u64) {
        let begun = Instant::now();
        let tasks = Tasks::default();
        let shown = Shown(Mutex::new(shown.iter().rev().copied().collect()));
        let turn = Waits::new(tasks.clone()).begin(&Credentials::none()).unwrap();
        let mut waiting = pin!(turn.wait(&shown, Duration::from_secs(seconds)));
        let waited = select! {
            waited = &mut waiting => waited,
            () = end => {
                tasks.leave();
                waiting.await
            }
        };
        let waited = waited.map(|waited| (waited.seen, waited.timed_out));
        (waited, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_rest_with_the_time_or_with_a_failure_that_stays() {
        let (going, over) = (Ok("going"), Ok("over"));
        assert_eq!(waits(60, &[going, over, over]).await, (Ok(("over", false)), 5));
        assert_eq!(waits(2, &[going, over]).await, (Ok(("over", true)), 2));
        assert_eq!(waits(60, &[going, Err(false)]).await, (Err(false), 2));
        assert_eq!(waits(1, &[Err(true), Err(true)]).await, (Err(true), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_moment_is_waited_through_as_long_as_the_other_side_asks() {
        let shown = [Err(true), Ok("over"), Ok("over")];
        assert_eq!(waits(60, &shown).await, (Ok(("over", false)), 33));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_never_ends_is_given_up_with_what_was_seen_before() {
        assert_eq!(waits(1, &[Ok("going")]).await, (Ok(("going", true)), 4));
        assert_eq!(waits(0, &[]).await, (Err(false), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_service_and_tells_what_it_saw() {
        let after = |seconds| sleep_until(Instant::now() + Duration::from_secs(seconds));
        let going = [Ok("going"); 100];
        assert_eq!(
            waits_until(200, &going, after(30)).await,
            (Ok(("going", true)), 30)
        );
        assert_eq!(
            waits_until(200, &going[..1], after(5)).await,
            (Ok(("going", true)), 5)
        );
        let nothing = waits_until(200, &[], after(5)).await;
        assert_eq!(
            nothing,
            (Err(false), 5 + LEAST_LOOK.as_secs()),
            "a moment for the first look"
        );
    }

    fn caller(number: usize) -> Credentials {
        let service = ServicePrincipal {
            subject: format!("caller-{number}"),
            access_restrictions: None,
        };
        Credentials::new(Principal::Service(service), None, None)
    }

    #[tokio::test]
    async fn a_wait_too_many_of_one_or_of_all_is_refused_and_says_so() {
        let waits = Waits::new(Tasks::default());
        let begin = |caller: usize| waits.begin(&self::caller(caller));
        let mut turns: Vec<Turn> = (0..MOST_WAITS)
            .map(|wait| begin(wait / MOST_WAITS_EACH).unwrap())
            .collect();
        for (caller, status) in [
            (0, StatusCode::TOO_MANY_REQUESTS),
            (99, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let refusal = begin(caller).unwrap_err();
            assert_eq!(refusal.status(), status);
            assert!(refusal.message().contains("try again"), "{}", refusal.message());
            assert_eq!(refusal.headers(), [(RETRY_AFTER, TRY_AGAIN)]);
        }
        turns.pop();
        begin(99).unwrap();
    }

    #[test]
    fn a_wait_ends_before_240_seconds_and_before_the_credentials() {
        let seconds = |asked, end| patience_at(asked, end, 1_000).as_secs();
        assert_eq!(seconds(None, None), 120);
        assert_eq!(seconds(Some(10_000), None), 240);
        assert_eq!(seconds(None, Some(1_065)), 60);
        assert_eq!(seconds(None, Some(1_004)), 0);
        assert_eq!(seconds(None, Some(900)), 0);
        assert_eq!(seconds(Some(30), Some(1_065)), 30);
    }
}

//! What one connection is doing, and since when: the memory behind its time limits.
//!
//! Written on the hot path with plain atomics; read by the connection's own clock, which wakes seldom.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::settings::ConnectionLimits;

/// How long the other side may leave our bytes untaken before the connection is given up: longer than any
/// network hiccup, short enough that a reader who stopped does not hold its connection.
const STALL_LIMIT: Duration = Duration::from_secs(120);

/// How often a connection without a nearer limit looks at itself.
const SLOWEST_CHECK: Duration = Duration::from_secs(5);

/// Fastest such look, so that a limit of a few milliseconds does not become a busy loop.
const FASTEST_CHECK: Duration = Duration::from_millis(5);

/// Nothing was received yet.
const FRESH: u8 = 0;
/// The head of a request is arriving.
const HEAD: u8 = 1;
/// A request is being answered.
const BUSY: u8 = 2;
/// Waiting for the next request.
const IDLE: u8 = 3;

/// No write is waiting.
const NOT_BLOCKED: u64 = u64::MAX;

/// One connection's state.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    phase: AtomicU8,
    /// Milliseconds after `began`, as are the next two.
    phase_since: AtomicU64,
    blocked_since: AtomicU64,
    last_byte: AtomicU64,
    watches_silence: bool,
    requests: AtomicU64,
    /// The number of the request whose length can be read in two ways; 0 is none. There is no request after it.
    ambiguous: AtomicU64,
    upgraded: AtomicBool,
    draining: AtomicBool,
    abandoned: AtomicBool,
    head_expired: AtomicBool,
    waker: AtomicWaker,
}

/// What the limits say now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    Wait(Instant),
    /// The head took too long.
    SlowHead,
    /// Idle, silent or stalled for too long.
    Close,
}

impl Activity {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            began: Instant::now(),
            phase: AtomicU8::new(FRESH),
            phase_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(NOT_BLOCKED),
            last_byte: AtomicU64::new(0),
            watches_silence: limits.silence.is_some(),
            requests: AtomicU64::new(0),
            ambiguous: AtomicU64::new(0),
            upgraded: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            head_expired: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        self.moved();
        if matches!(self.phase.load(Relaxed), FRESH | IDLE) {
            self.enter(HEAD, self.now());
        }
    }

    /// Bytes went out.
    pub(super) fn sent(&self) {
        self.moved();
        self.drained();
    }

    /// Nothing is waiting to go out any more; that by itself is no sign of life.
    pub(super) fn drained(&self) {
        if self.blocked_since.load(Relaxed) != NOT_BLOCKED {
            self.blocked_since.store(NOT_BLOCKED, Relaxed);
            // The wait for the next request begins when the last answer is really gone.
            if self.phase.load(Relaxed) == IDLE {
                self.phase_since.store(self.now(), Relaxed);
            }
        }
    }

    /// The other side takes no bytes at present.
    pub(super) fn blocked(&self) {
        if self.blocked_since.load(Relaxed) == NOT_BLOCKED {
            self.blocked_since.store(self.now(), Relaxed);
        }
    }

    /// A whole head is there. Returns how many requests this connection has carried, this one included.
    pub(super) fn request_began(&self) -> u64 {
        self.enter(BUSY, self.now());
        self.requests.fetch_add(1, Relaxed) + 1
    }

    /// The answer has been handed over.
    pub(super) fn request_ended(&self) {
        self.enter(IDLE, self.now());
    }

    /// The length of the request of this number can be read in two ways.
    pub(super) fn states_two_lengths(&self, request: u64) {
        self.ambiguous.store(request, Relaxed);
    }

    /// Whether that of the request of this number can.
    pub(super) fn has_two_lengths(&self, request: u64) -> bool {
        self.ambiguous.load(Relaxed) == request
    }

    /// What comes from now on is no HTTP.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Relaxed)
    }

    /// Asks the connection to end after the request it is answering.
    pub(super) fn drain(&self) {
        self.draining.store(true, Relaxed);
        self.waker.wake();
    }

    /// Asks the connection to end at once.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
        self.waker.wake();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Relaxed)
    }

    /// Whether reading ends with a 408 because the head took too long.
    pub(super) fn head_has_expired(&self) -> bool {
        self.head_expired.load(Relaxed)
    }

    pub(super) fn expire_head(&self) {
        self.head_expired.store(true, Relaxed);
    }

    pub(super) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Whether the head of a request has begun to arrive and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        self.phase.load(Relaxed) == HEAD
    }

    /// Waits until the connection is asked to end.
    pub(super) async fn asked_to_end(&self) {
        poll_fn(|context| {
            self.register(context.waker());
            match self.is_draining() || self.is_abandoned() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Compares what is going on with the limits.
    pub(super) fn verdict(&self, limits: &ConnectionLimits) -> Verdict {
        let now = self.now();
        let since = self.phase_since.load(Relaxed);
        let blocked = self.blocked_since.load(Relaxed);
        let mut next = self.check_period(limits);
        let mut is_over = |since: u64, limit: Option<Duration>| {
            let Some(limit) = limit else { return false };
            let left = (since + whole_milliseconds(limit)).saturating_sub(now);
            next = if left == 0 { next } else { next.min(left) };
            left == 0
        };
        let silent = is_over(self.last_byte.load(Relaxed), limits.silence);
        let stalled = blocked != NOT_BLOCKED && is_over(blocked, Some(STALL_LIMIT));
        let verdict = match self.phase.load(Relaxed) {
            FRESH if is_over(since, limits.headers) => Some(Verdict::Close),
            HEAD if is_over(since, limits.headers) => Some(Verdict::SlowHead),
            IDLE if blocked == NOT_BLOCKED && is_over(since, limits.keep_alive) => Some(Verdict::Close),
            _ if silent || stalled => Some(Verdict::Close),
            _ => None,
        };
        verdict.unwrap_or_else(|| Verdict::Wait(self.began + Duration::from_millis(now + next)))
    }

    /// No limit may be shorter than this period, or it would be noticed late.
    fn check_period(&self, limits: &ConnectionLimits) -> u64 {
        let shortest = [limits.keep_alive, limits.headers, limits.silence]
            .into_iter()
            .flatten()
            .fold(SLOWEST_CHECK, Duration::min);
        whole_milliseconds(shortest.max(FASTEST_CHECK))
    }

    fn enter(&self, phase: u8, now: u64) {
        self.phase_since.store(now, Relaxed);
        self.phase.store(phase, Relaxed);
    }

    fn moved(&self) {
        if self.watches_silence {
            self.last_byte.store(self.now(), Relaxed);
        }
    }

    fn now(&self) -> u64 {
        whole_milliseconds(self.began.elapsed())
    }
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::{super::settings::ServerSettings, *};

    fn limits() -> ConnectionLimits {
        ServerSettings::default().limits
    }

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_waits_too_long_for_its_next_request_is_closed() {
        let activity = Activity::new(&limits());
        activity.received();
        activity.request_began();
        after(100).await;
        assert!(matches!(activity.verdict(&limits()), Verdict::Wait(_)));
        activity.request_ended();
        after(4).await;
        assert_eq!(
            activity.verdict(&limits()),
            Verdict::Wait(Instant::now() + Duration::from_secs(1))
        );
        after(1).await;
        assert_eq!(activity.verdict(&limits()), Verdict::Close);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_refused() {
        let activity = Activity::new(&limits());
        after(50).await;
        activity.received();
        after(59).await;
        activity.received();
        assert!(matches!(activity.verdict(&limits()), Verdict::Wait(_)));
        after(1).await;
        assert_eq!(activity.verdict(&limits()), Verdict::SlowHead);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_says_anything_is_closed() {
        let activity = Activity::new(&limits());
        after(60).await;
        assert_eq!(activity.verdict(&limits()), Verdict::Close);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_holds_the_connection_for_a_limited_time() {
        let activity = Activity::new(&limits());
        activity.request_began();
        activity.request_ended();
        activity.blocked();
        after(119).await;
        assert!(matches!(activity.verdict(&limits()), Verdict::Wait(_)));
        after(1).await;
        assert_eq!(activity.verdict(&limits()), Verdict::Close);
        activity.sent();
        assert!(matches!(activity.verdict(&limits()), Verdict::Wait(_)));
    }
}

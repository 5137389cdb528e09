//! One stack list for all viewers: joined while it is fetched, kept for a moment, dropped by every trigger.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{bodies::StacksBody, config::Config, error::SpaceliftError, hold::Held};
use crate::{
    config::Live,
    infra::{single_flight::SingleFlight, tasks::Tasks},
};

/// The list as it is sent, or why there is none.
pub(super) type Answer = Result<Arc<StacksBody>, SpaceliftError>;

/// Fetches the list anew.
pub(super) type Fetch = Box<dyn Fn() -> BoxFuture<'static, Answer> + Send + Sync>;

/// The newest list. Cheap to clone.
///
/// Each write raises the generation before and after. A fetch begun in an older generation answers those who
/// waited for it and is not kept, so whoever asks after a trigger sees what the trigger did.
#[derive(Clone)]
pub(super) struct StackList(Arc<Inner>);

struct Inner {
    generation: AtomicU64,
    kept: ArcSwapOption<Kept>,
    config: Live<Config>,
    fetch: Fetch,
    fetches: SingleFlight<Answer>,
}

/// An answer that may be told again.
enum Kept {
    List {
        generation: u64,
        begun: Instant,
        list: Arc<StacksBody>,
    },
    Failure {
        generation: u64,
        held: Held,
    },
}

/// Raises the generation when made and when dropped; hold it around a write.
pub(super) struct WriteGuard(Arc<Inner>);

impl StackList {
    /// A list that is fetched by this function and ages as the configuration says.
    pub(super) fn new(config: Live<Config>, tasks: Tasks, fetch: Fetch) -> Self {
        Self(Arc::new(Inner {
            generation: AtomicU64::new(0),
            kept: ArcSwapOption::empty(),
            config,
            fetch,
            fetches: SingleFlight::new(tasks),
        }))
    }

    /// Returns the list, not older than the configured time and never from before a trigger that has ended.
    pub(super) async fn get(&self) -> Answer {
        let generation = self.0.generation.load(Ordering::SeqCst);
        if let Some(known) = self.0.known(generation) {
            return known;
        }
        let inner = Arc::clone(&self.0);
        let fetched = self
            .0
            .fetches
            .run(generation, || async move { inner.refresh(generation).await });
        fetched.await.unwrap_or(Err(SpaceliftError::Abandoned))
    }

    /// Begins a write: what is known now is no longer told, nor is what is fetched until the write ends.
    pub(super) fn begin_write(&self) -> WriteGuard {
        self.0.raise();
        WriteGuard(Arc::clone(&self.0))
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        self.0.raise();
    }
}

impl Inner {
    fn raise(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// What may be told to a caller of this generation without asking. No lock, no copy of the list.
    fn known(&self, generation: u64) -> Option<Answer> {
        let kept = self.kept.load();
        match kept.as_deref()? {
            Kept::List {
                generation: of,
                begun,
                list,
            } => {
                let fresh = *of == generation && begun.elapsed() < self.time_to_live();
                fresh.then(|| Ok(Arc::clone(list)))
            }
            Kept::Failure { generation: of, held } => {
                // A pause that Spacelift asked for is kept whatever was written meanwhile.
                let applies = *of == generation || held.was_asked_for();
                applies.then(|| held.failure(Instant::now())).flatten().map(Err)
            }
        }
    }

    fn time_to_live(&self) -> Duration {
        self.config.get().cache_ttl
    }

    async fn refresh(&self, generation: u64) -> Answer {
        // Another fetch may have ended between the caller's look and the start of this one.
        if let Some(known) = self.known(generation) {
            return known;
        }
        let begun = Instant::now();
        let answer = (self.fetch)().await;
        self.keep(generation, begun, &answer);
        answer
    }

    fn keep(&self, generation: u64, begun: Instant, answer: &Answer) {
        let outdated = generation != self.generation.load(Ordering::SeqCst);
        let kept = match answer {
            Ok(list) => Kept::List {
                generation,
                begun,
                list: Arc::clone(list),
            },
            Err(error) => Kept::Failure {
                generation,
                held: Held::new(error),
            },
        };
        if !outdated || matches!(&kept, Kept::Failure { held, .. } if held.was_asked_for()) {
            self.kept.store(Some(Arc::new(kept)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::FutureExt as _;
    use parking_lot::Mutex;
    use tokio::sync::oneshot;

    use super::{
        super::testing::{config, eventually},
        *,
    };
    use crate::infra::http_server::PreparedJson;

    /// A source whose fetches wait until the test answers them.
    #[derive(Clone, Default)]
    struct Source(Arc<Mutex<Vec<oneshot::Sender<Answer>>>>);

    impl Source {
        fn list(&self, ttl: Duration) -> StackList {
            let source = self.clone();
            let fetch: Fetch = Box::new(move || {
                let (answer, answered) = oneshot::channel();
                source.0.lock().push(answer);
                answered
                    .map(|answer| answer.unwrap_or(Err(SpaceliftError::Abandoned)))
                    .boxed()
            });
            StackList::new(
                Live::new(Config {
                    cache_ttl: ttl,
                    ..config()
                }),
                Tasks::default(),
                fetch,
            )
        }

        /// Waits until this many fetches wait for an answer.
        async fn under_way(&self, count: usize) {
            eventually(|| self.0.lock().len() == count).await;
        }

        /// Answers the oldest fetch.
        fn answer(&self, answer: Answer) {
            assert!(self.0.lock().remove(0).send(answer).is_ok());
        }
    }

    fn list_of(text: &str) -> Answer {
        let json = PreparedJson::new(text.to_owned());
        let (stacks, odd) = (Vec::new(), Vec::new());
        Ok(Arc::new(StacksBody { json, stacks, odd }))
    }

    /// Asks, lets the fetch be answered, and returns what came.
    async fn fetch(list: &StackList, source: &Source, answer: Answer) -> String {
        let (told, ()) = tokio::join!(list.get(), async {
            source.under_way(1).await;
            source.answer(answer);
        });
        show(told)
    }

    /// Asks in a task of its own.
    fn in_background(list: &StackList) -> impl Future<Output = Option<String>> + use<> {
        let (told, answer) = oneshot::channel();
        let asking = list.clone();
        Tasks::default().spawn(async move { drop(told.send(show(asking.get().await))) });
        answer.map(Result::ok)
    }

    /// What is told without asking the source.
    fn told(list: &StackList) -> Option<String> {
        list.get().now_or_never().map(show)
    }

    fn show(answer: Answer) -> String {
        match answer {
            Ok(list) => String::from_utf8(list.json.body().to_vec()).unwrap(),
            Err(error) => format!("{error:?}"),
        }
    }

    const TTL: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn many_callers_share_one_fetch_and_its_answer_lives_from_its_start() {
        let source = Source::default();
        let list = source.list(TTL);
        let callers: Vec<_> = (0..64).map(|_| list.get()).collect();
        let (answers, ()) = tokio::join!(futures_util::future::join_all(callers), async {
            source.under_way(1).await;
            tokio::time::advance(Duration::from_secs(2)).await;
            source.answer(list_of("[1]"));
        });
        assert!(answers.into_iter().all(|answer| show(answer) == "[1]"));
        tokio::time::advance(Duration::from_millis(2_999)).await;
        assert_eq!(told(&list).as_deref(), Some("[1]"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(told(&list), None);
    }

    #[tokio::test]
    async fn a_fetch_begun_before_a_write_answers_its_own_waiters_and_is_not_kept() {
        let source = Source::default();
        let list = source.list(TTL);
        let early = in_background(&list);
        source.under_way(1).await;
        drop(list.begin_write());
        let late = in_background(&list);
        source.under_way(2).await;
        source.answer(list_of("before"));
        assert_eq!(early.await.as_deref(), Some("before"));
        source.answer(list_of("after"));
        assert_eq!(late.await.as_deref(), Some("after"));
        assert_eq!(told(&list).as_deref(), Some("after"));
    }

    #[tokio::test]
    async fn a_fetch_begun_during_a_write_is_not_kept_either() {
        let source = Source::default();
        let list = source.list(TTL);
        let write = list.begin_write();
        let (during, ()) = tokio::join!(list.get(), async {
            source.under_way(1).await;
            drop(write);
            source.answer(list_of("during"));
        });
        assert_eq!(show(during), "during");
        assert_eq!(fetch(&list, &source, list_of("after")).await, "after");
    }

    #[tokio::test]
    async fn a_write_drops_what_was_kept() {
        let source = Source::default();
        let list = source.list(TTL);
        fetch(&list, &source, list_of("old")).await;
        let write = list.begin_write();
        assert_eq!(fetch(&list, &source, list_of("new")).await, "new");
        drop(write);
        assert_eq!(fetch(&list, &source, list_of("newest")).await, "newest");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_told_again_for_a_second_and_then_the_old_list_is_gone_too() {
        let source = Source::default();
        let list = source.list(TTL);
        fetch(&list, &source, list_of("old")).await;
        tokio::time::advance(TTL).await;
        assert_eq!(
            fetch(&list, &source, Err(SpaceliftError::SessionRefused)).await,
            "SessionRefused"
        );
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(told(&list).as_deref(), Some("SessionRefused"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(fetch(&list, &source, list_of("new")).await, "new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_is_obeyed_until_its_end_also_after_a_write() {
        let source = Source::default();
        let list = source.list(TTL);
        let retry_at = Instant::now() + Duration::from_secs(30);
        fetch(&list, &source, Err(SpaceliftError::RateLimited { retry_at })).await;
        drop(list.begin_write());
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(told(&list).is_some_and(|told| told.starts_with("RateLimited")));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(fetch(&list, &source, list_of("new")).await, "new");
    }

    #[tokio::test]
    async fn without_a_time_to_live_nothing_is_kept_but_callers_are_still_joined() {
        let source = Source::default();
        let list = source.list(Duration::ZERO);
        let (first, second, ()) = tokio::join!(list.get(), list.get(), async {
            source.under_way(1).await;
            source.answer(list_of("one"));
        });
        assert_eq!((show(first), show(second)), ("one".to_owned(), "one".to_owned()));
        assert_eq!(fetch(&list, &source, list_of("two")).await, "two");
    }

    #[tokio::test]
    async fn a_shorter_time_to_live_in_a_reloaded_configuration_applies_at_once() {
        let source = Source::default();
        let list = source.list(TTL);
        fetch(&list, &source, list_of("old")).await;
        list.0.config.set(Config {
            cache_ttl: Duration::ZERO,
            ..config()
        });
        assert_eq!(told(&list), None);
    }
}

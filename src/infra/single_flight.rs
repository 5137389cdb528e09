//! One call under way for all who wait for the same answer.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::tasks::Tasks;

/// Joins callers to a call that is already under way.
///
/// The call runs as a task of its own, so a caller that goes away does not cancel it for the others.
#[derive(Debug)]
pub struct SingleFlight<T: Clone> {
    tasks: Tasks,
    begun: AtomicU64,
    under_way: Arc<Mutex<Option<Flight<T>>>>,
}

#[derive(Debug, Clone)]
struct Flight<T: Clone> {
    number: u64,
    key: u64,
    answer: Shared<BoxFuture<'static, Option<T>>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Runs its calls on these tasks.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            tasks,
            begun: AtomicU64::new(0),
            under_way: Arc::default(),
        }
    }

    /// Joins the call under way if it was begun with the same key, else begins one.
    ///
    /// Returns `None` only when the call panicked.
    pub async fn run<F, C>(&self, key: u64, call: C) -> Option<T>
    where
        C: FnOnce() -> F,
        F: Future<Output = T> + Send + 'static,
    {
        let answer = self.join_or_begin(key, call);
        answer.await
    }

    /// As `run` for somebody who does not wait for the answer.
    pub fn begin<F, C>(&self, key: u64, call: C)
    where
        C: FnOnce() -> F,
        F: Future<Output = T> + Send + 'static,
    {
        drop(self.join_or_begin(key, call));
    }

    fn join_or_begin<F, C>(&self, key: u64, call: C) -> Shared<BoxFuture<'static, Option<T>>>
    where
        C: FnOnce() -> F,
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        if let Some(flight) = under_way.as_ref().filter(|flight| flight.key == key) {
            return flight.answer.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let answer = receiver.map(Result::ok).boxed().shared();
        *under_way = Some(Flight {
            number,
            key,
            answer: answer.clone(),
        });
        drop(under_way);
        // Made before the call is, which may panic as well.
        let landed = Landed {
            slot: Arc::clone(&self.under_way),
            number,
        };
        self.spawn(landed, call(), sender);
        answer
    }

    fn spawn<F>(&self, landed: Landed<T>, call: F, sender: oneshot::Sender<T>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.tasks.spawn(async move {
            let answer = call.await;
            // The slot is cleared before the waiters wake, so that whoever comes next begins anew.
            drop(landed);
            let _ = sender.send(answer);
        });
    }
}

/// Clears the slot also when the call panics.
#[derive(Debug)]
struct Landed<T: Clone> {
    slot: Arc<Mutex<Option<Flight<T>>>>,
    number: u64,
}

impl<T: Clone> Drop for Landed<T> {
    fn drop(&mut self) {
        let mut slot = self.slot.lock();
        if slot.as_ref().is_some_and(|flight| flight.number == self.number) {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[tokio::test]
    async fn a_call_that_panics_before_it_begins_leaves_the_way_free() {
        let flights = SingleFlight::new(Tasks::default());
        let panics = || -> std::future::Ready<u8> { panic!("before there is a future") };
        let first = AssertUnwindSafe(flights.run(0, panics)).catch_unwind().await;
        assert!(first.is_err());
        assert_eq!(flights.run(0, || std::future::ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn a_call_that_panics_under_way_answers_none_and_leaves_the_way_free() {
        let flights = SingleFlight::new(Tasks::default());
        let panics = std::future::poll_fn(|_| -> std::task::Poll<u8> { panic!("under way") });
        assert_eq!(flights.run(0, || panics).await, None);
        assert_eq!(flights.run(0, || std::future::ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn what_was_begun_without_waiting_is_joined_by_those_who_wait() {
        let flights = SingleFlight::new(Tasks::default());
        flights.begin(0, || std::future::ready(1));
        assert_eq!(flights.run(0, || std::future::ready(2)).await, Some(1));
    }
}

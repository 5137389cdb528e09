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
        self.begin(number, call(), sender);
        answer
    }

    fn begin<F>(&self, number: u64, call: F, sender: oneshot::Sender<T>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let slot = Arc::clone(&self.under_way);
        self.tasks.spawn(async move {
            let _landed = Landed {
                slot: Arc::clone(&slot),
                number,
            };
            let answer = call.await;
            // The slot is cleared before the waiters wake, so that whoever comes next begins anew.
            clear(&slot, number);
            let _ = sender.send(answer);
        });
    }
}

/// Clears the slot even when the call panics.
struct Landed<T: Clone> {
    slot: Arc<Mutex<Option<Flight<T>>>>,
    number: u64,
}

impl<T: Clone> Drop for Landed<T> {
    fn drop(&mut self) {
        clear(&self.slot, self.number);
    }
}

fn clear<T: Clone>(slot: &Mutex<Option<Flight<T>>>, number: u64) {
    let mut slot = slot.lock();
    if slot.as_ref().is_some_and(|flight| flight.number == number) {
        *slot = None;
    }
}

//! Background work that shutdown knows of.

use std::future::Future;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, Span};

/// Spawns tasks and waits for them at shutdown. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancelled: CancellationToken,
    leaving: CancellationToken,
}

impl Tasks {
    /// Spawns work that must end by itself soon, such as one upstream call; shutdown waits for it.
    pub fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(work);
    }

    /// Does work in a task of its own, so that it comes to its end although whoever asked for it leaves; shutdown waits for
    /// it. `None` is what comes out of work that panics.
    pub async fn see_through<T>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T>
    where
        T: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            // Nobody may be waiting any more.
            let _ = sender.send(work.await);
        };
        self.spawn(work.instrument(Span::current()));
        receiver.await.ok()
    }

    /// Spawns work without an end, such as a watch; it is dropped at shutdown.
    pub fn spawn_until_shutdown<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cancelled = self.cancelled.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Says that the end has begun. Work goes on; whoever only waits ends early, so that nobody waits for him.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Waits for the beginning of the end.
    pub fn leaving(&self) -> impl Future<Output = ()> + Send + use<> {
        self.leaving.clone().cancelled_owned()
    }

    /// Stops the endless work and waits for the rest until the deadline; returns how many tasks had not ended.
    pub async fn shut_down_by(&self, deadline: Instant) -> usize {
        match timeout_at(deadline, self.shut_down()).await {
            Ok(()) => 0,
            Err(_) => self.tracker.len(),
        }
    }

    /// Stops the endless work and waits for the rest.
    pub async fn shut_down(&self) {
        self.leave();
        self.cancelled.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

//! Conversations with the server on threads of their own, which are given up on when they take too long.
//!
//! libgit2 notices silence, but not a server that sends a byte now and then: no callback runs meanwhile that could end
//! it. Such a thread is left behind. It is none of the runtime's, so the end of the process does not wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{sync::oneshot, time::timeout};

use super::{engine::Engine, error::GitError};

/// Threads at work for one repository. A writer, a fetch and a few checks need less; the others were left behind.
const MOST_AT_WORK: usize = 16;

/// How a conversation ended.
pub(super) enum Talk<T> {
    /// With this.
    Ended(T),
    /// Not in time, or not at all; what it comes to arrives later, if ever.
    GaveUp(GitError, oneshot::Receiver<T>),
}

/// How many threads are at work.
#[derive(Debug, Default)]
pub(super) struct AtWork(Arc<AtomicUsize>);

/// One of them.
struct Place(Arc<AtomicUsize>);

impl AtWork {
    fn place(&self) -> Option<Place> {
        let taken = self.0.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.0));
        (taken < MOST_AT_WORK).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Engine {
    /// Runs blocking work for the time of one conversation.
    pub(super) async fn talk<T, W>(self: &Arc<Self>, work: W) -> Talk<T>
    where
        T: Send + 'static,
        W: FnOnce(&Self) -> T + Send + 'static,
    {
        let (sender, mut outcome) = oneshot::channel();
        let Some(place) = self.at_work.place() else {
            return Talk::GaveUp(self.unreachable("earlier conversations have not ended"), outcome);
        };
        let engine = Arc::clone(self);
        let begun = thread::Builder::new().name("git".to_owned()).spawn(move || {
            let outcome = work(&engine);
            // Before anybody hears of the end: who then opens the mirror anew must find it free.
            drop((engine, place));
            let _ = sender.send(outcome);
        });
        match timeout(self.settings.limits.conversation, &mut outcome).await {
            Ok(Ok(ended)) if begun.is_ok() => Talk::Ended(ended),
            Ok(_) => Talk::GaveUp(GitError::Internal, outcome),
            Err(_) => Talk::GaveUp(self.too_slow(), outcome),
        }
    }

    /// The error for a conversation that took too long.
    pub(super) fn too_slow(&self) -> GitError {
        let limit = self.settings.limits.conversation;
        self.unreachable(&format!("no end after {} s", limit.as_secs()))
    }

    fn unreachable(&self, reason: &str) -> GitError {
        GitError::Unreachable {
            remote: self.settings.remote.to_string(),
            reason: reason.to_owned(),
        }
    }
}

//! Parses what others sent, away from the workers that answer everybody.

use std::{future::pending, panic::resume_unwind};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Texts that are parsed at once. More would take no less time together, and each has its values in memory.
const MOST: usize = 2;

static SLOTS: Semaphore = Semaphore::const_new(MOST);

/// Does the work on a thread of its own once there is a slot. Goes on, with its slot, when the caller leaves.
pub async fn parsed<T>(work: impl FnOnce() -> T + Send + 'static) -> T
where
    T: Send + 'static,
{
    // The semaphore is never closed.
    let slot = SLOTS.acquire().await.ok();
    let done = spawn_blocking(move || {
        let _slot = slot;
        work()
    });
    match done.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it the task that waits here.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    #[tokio::test]
    async fn no_more_than_two_texts_are_parsed_at_once() {
        let together = Arc::new(Barrier::new(MOST + 1));
        let busy: Vec<_> = (0..MOST)
            .map(|_| {
                let together = Arc::clone(&together);
                Box::pin(parsed(move || together.wait().is_leader()))
            })
            .collect();
        let all = futures_util::future::join_all(busy);
        let third = async {
            while SLOTS.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            assert!(futures_util::FutureExt::now_or_never(parsed(|| ())).is_none());
            together.wait();
        };
        tokio::join!(all, third);
        parsed(|| ()).await;
    }
}

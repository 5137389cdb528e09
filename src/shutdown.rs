//! The signal to stop: SIGTERM from an orchestrator, SIGINT from a keyboard.

use tokio::signal::unix::{Signal, SignalKind, signal as listen};
use tracing::{info, warn};

/// Waits for the first SIGTERM or SIGINT. Both stay taken afterwards, so that a second one changes nothing.
///
/// Must be called within a Tokio runtime.
pub async fn signal() {
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate()), catch(SignalKind::interrupt()));
    tokio::select! {
        () = received(&mut terminate) => info!("Stopping: received SIGTERM"),
        () = received(&mut interrupt) => info!("Stopping: received SIGINT"),
    }
}

fn catch(kind: SignalKind) -> Option<Signal> {
    listen(kind)
        .inspect_err(|error| warn!("A signal to stop cannot be caught: {error}"))
        .ok()
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Future as _, poll_fn},
        pin::pin,
        process::Command,
        task::Poll,
    };

    use super::*;

    fn send(signal: &str) {
        let status = Command::new("kill")
            .args([signal, &std::process::id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    #[tokio::test]
    async fn either_signal_begins_the_end_and_a_second_one_changes_nothing() {
        for kind in ["-TERM", "-INT"] {
            let mut waiting = pin!(signal());
            // Polled once, it listens.
            poll_fn(|context| {
                assert!(waiting.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            send(kind);
            waiting.await;
            send(kind);
        }
    }
}

//! No secret in any log: everything is written down at trace level and searched for the canaries.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;

use super::{STACKS, portal};
use crate::support::spacelift::{CANARY_QUOTE, FakeSpacelift, Reply, error, listed, stack, triggered};

/// Remembers every line.
#[derive(Clone, Default)]
pub(super) struct Remembered(Arc<Mutex<Vec<u8>>>);

impl Remembered {
    /// Writes down what this thread logs while the guard lives.
    pub(super) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Remembered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_at_trace_level_by_good_and_bad_answers() {
    let (log, _listening) = Remembered::listen();
    for answer in [
        error(CANARY_QUOTE),
        Reply::Close,
        Reply::CloseMidBody,
        listed(json!([stack("a")])),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("ListStacks", answer)
            .expect("TriggerRun", triggered("run-1"));
        let app = portal(&fake).await;
        app.get(STACKS).await;
        assert_eq!(app.post("/api/spacelift-io/stacks/a/trigger").await.status(), 200);
    }
    let text = log.text();
    assert!(text.contains("Triggered run run-1 on stack a") && text.contains("principal=\"tests\""));
    assert!(
        !text.contains("canary"),
        "{:?}",
        text.lines().find(|line| line.contains("canary"))
    );
}

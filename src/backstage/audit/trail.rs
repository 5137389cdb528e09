//! One operation from its beginning to its end, in two lines of the log (`@backstage/backend-defaults`, auditor).

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use serde_json::{Map, Value};
use tracing::{Level, enabled};

use super::{AuditEvent, Recordable};
use crate::infra::tasks::Tasks;

/// What both lines say.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) plugin_id: &'static str,
    pub(super) event: AuditEvent,
    pub(super) level: Level,
    pub(super) actor: Value,
    pub(super) request: Option<Value>,
    pub(super) meta: Map<String, Value>,
}

/// An operation that has begun. Dropped without an end, it says that nobody followed it to one.
#[derive(Debug)]
#[must_use = "an event that begins must end"]
pub struct Trail(Option<Box<Opening>>);

impl Trail {
    /// Whether a line of this level is written.
    pub(super) fn is_written(level: Level) -> bool {
        match level {
            Level::ERROR => enabled!(Level::ERROR),
            Level::WARN => enabled!(Level::WARN),
            Level::INFO => enabled!(Level::INFO),
            Level::DEBUG => enabled!(Level::DEBUG),
            Level::TRACE => enabled!(Level::TRACE),
        }
    }

    /// One nobody wants to read.
    pub(super) fn unwritten() -> Self {
        Self(None)
    }

    /// Writes the first line.
    pub(super) fn open(opening: Opening) -> Self {
        write(&opening, "initiated", "");
        Self(Some(Box::new(opening)))
    }

    /// Writes the last line, and hands the outcome on; `more` is what a success is to say besides.
    ///
    /// # Errors
    /// Those of the outcome.
    pub fn end<T, E: Recordable>(
        mut self,
        outcome: Result<T, E>,
        more: impl FnOnce(&T) -> Value,
    ) -> Result<T, E> {
        if let Some(mut opening) = self.0.take() {
            match &outcome {
                Ok(done) => {
                    if let Value::Object(more) = more(done) {
                        let known = more.into_iter().filter(|(_, value)| !value.is_null());
                        opening.meta.extend(known);
                    }
                    write(&opening, "succeeded", "");
                }
                Err(error) => write(&opening, "failed", &error.recorded()),
            }
        }
        outcome
    }

    /// Follows a write to its end in a task of its own, and writes the last line there: a caller who hangs up neither
    /// stops it half way nor falsifies what is told of it. Shutdown waits for it. Work that panics comes out as `lost`.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn follow<T, E>(
        self,
        tasks: &Tasks,
        (work, lost): (impl Future<Output = Result<T, E>> + Send + 'static, E),
        more: impl FnOnce(&T) -> Value + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Recordable + Clone + Send + 'static,
    {
        let untold = lost.clone();
        let work = async move {
            // What it panicked with is in the log already.
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            self.end(outcome.unwrap_or(Err(lost)), more)
        };
        tasks.see_through(work).await.unwrap_or(Err(untold))
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if let Some(opening) = self.0.take() {
            write(&opening, "failed", "it was left before it was known how it ended");
        }
    }
}

fn write(opening: &Opening, status: &str, failure: &str) {
    let mut message = format!("{}.{}", opening.plugin_id, opening.event.id);
    if !failure.is_empty() {
        message.push(' ');
        message.push_str(failure);
    }
    let actor = opening.actor.to_string();
    let request = opening.request.as_ref().map(Value::to_string);
    let meta = (!opening.meta.is_empty()).then(|| Value::Object(opening.meta.clone()).to_string());
    // A macro because each level needs a place of its own in the code, known beforehand.
    macro_rules! write_at {
        ($level:expr) => {
            tracing::event!(
                $level,
                isAuditEvent = true,
                "json.plugin" = format!("\"{}\"", opening.plugin_id).as_str(),
                eventId = opening.event.id,
                severityLevel = opening.event.severity.name(),
                status,
                "json.actor" = actor.as_str(),
                "json.request" = request.as_deref(),
                "json.meta" = meta.as_deref(),
                message = message.as_str(),
            )
        };
    }
    match opening.level {
        Level::ERROR => write_at!(Level::ERROR),
        Level::WARN => write_at!(Level::WARN),
        Level::INFO => write_at!(Level::INFO),
        Level::DEBUG => write_at!(Level::DEBUG),
        Level::TRACE => write_at!(Level::TRACE),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;
    use http::StatusCode;
    use tokio::{
        sync::oneshot,
        time::{Duration, timeout},
    };

    use super::*;
    use crate::backstage::error::BackstageError;

    fn nothing_more<T>(_: &T) -> Value {
        Value::Null
    }

    fn lost() -> BackstageError {
        BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, "the run may have started")
    }

    #[tokio::test]
    async fn work_is_followed_to_its_end_although_the_caller_leaves_and_the_service_waits_for_it() {
        let tasks = Tasks::default();
        let (go, wait) = oneshot::channel::<()>();
        let (done, mut is_done) = oneshot::channel();
        let work = async move {
            let _ = wait.await;
            let _ = done.send(());
            Ok::<_, BackstageError>(())
        };
        let following = Trail::unwritten().follow(&tasks, (work, lost()), nothing_more);
        let left = timeout(Duration::ZERO, following).await;
        assert!(left.is_err(), "the caller leaves while it goes on");
        assert!(is_done.try_recv().is_err());
        go.send(()).expect("the work goes on without him");
        tasks.shut_down().await;
        assert!(is_done.try_recv().is_ok());
    }

    #[tokio::test]
    async fn what_comes_out_is_told_to_the_caller_and_of_work_that_panics_that_it_is_lost() {
        let tasks = Tasks::default();
        let follow = |work| Trail::unwritten().follow(&tasks, (work, lost()), nothing_more);
        assert_eq!(follow(async { Ok(7) }.boxed()).await.unwrap(), 7);
        let badly: BoxFuture<'static, Result<i32, _>> = async { panic!("planted") }.boxed();
        let error = follow(badly).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(error.message().contains("may have started"));
    }
}

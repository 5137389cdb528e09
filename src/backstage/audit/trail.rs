//! One operation from its beginning to its end, in two lines of the log (`@backstage/backend-defaults`, auditor).

use std::fmt::Display;

use serde_json::{Map, Value};
use tracing::{Level, enabled};

use super::AuditEvent;

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

/// An operation that has begun. Dropped without an end, it says that nobody waited for it.
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
    pub fn end<T, E: Display>(
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
                Err(error) => write(&opening, "failed", &error.to_string()),
            }
        }
        outcome
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if let Some(opening) = self.0.take() {
            write(
                &opening,
                "failed",
                "the caller went away before it was known how it ended",
            );
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

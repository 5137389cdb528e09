//! Stacks, spaces and runs in our own words; knows neither HTTP nor GraphQL.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// Longest stack id we pass on. Ids are slugs of names; this is far beyond any, and short enough for a log line.
const MAX_STACK_ID: usize = 255;

/// Longest run id we pass on. A ULID has 26 characters.
const MAX_RUN_ID: usize = 64;

/// A stack's slug, as Spacelift's URLs and arguments use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StackId(String);

/// Why a text cannot be a stack's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidStackId {
    #[error(
        "The stack id in the path has a broken percent escape; encode it as UTF-8 with encodeURIComponent"
    )]
    BrokenEscape,
    #[error("The stack id is longer than {MAX_STACK_ID} bytes; use the id that the stack list gives")]
    TooLong,
    #[error("The stack id has a control character; use the id that the stack list gives")]
    ControlCharacter,
}

impl StackId {
    /// Reads a segment of a URL's path. A decoded slash is fine: the id travels as a GraphQL variable only.
    pub(super) fn from_segment(segment: &str) -> Result<Self, InvalidStackId> {
        if !escapes_are_whole(segment) {
            return Err(InvalidStackId::BrokenEscape);
        }
        let id = percent_decode_str(segment)
            .decode_utf8()
            .map_err(|_| InvalidStackId::BrokenEscape)?;
        Self::new(id)
    }

    /// Takes an id as it is.
    pub(super) fn new(id: impl Into<String>) -> Result<Self, InvalidStackId> {
        let id = id.into();
        if id.len() > MAX_STACK_ID {
            return Err(InvalidStackId::TooLong);
        }
        if id.chars().any(char::is_control) {
            return Err(InvalidStackId::ControlCharacter);
        }
        Ok(Self(id))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A run's id, a ULID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunId(String);

/// Why a text cannot be a run's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A run id has letters and digits only, {MAX_RUN_ID} at most; use the id that the trigger gave")]
pub(super) struct InvalidRunId;

impl RunId {
    /// Takes an id as it is. It is never left out: without one Spacelift takes whatever run holds the stack.
    pub(super) fn new(id: impl Into<String>) -> Result<Self, InvalidRunId> {
        let id = id.into();
        let fits =
            (1..=MAX_RUN_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then_some(Self(id)).ok_or(InvalidRunId)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether two hex digits follow each `%`, as `decodeURIComponent` demands.
fn escapes_are_whole(segment: &str) -> bool {
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' && !(is_hex(bytes.next()) && is_hex(bytes.next())) {
            return false;
        }
    }
    true
}

/// The state of a stack as text: Spacelift adds new ones, and an unknown one must not lose the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StackState(pub(super) String);

/// The state of a run, as text for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RunState(pub(super) String);

impl RunState {
    /// Whether a run never leaves this state; Spacelift's own word is better where it can be asked for.
    pub(super) fn is_last(&self) -> bool {
        matches!(
            self.0.as_str(),
            "FINISHED" | "FAILED" | "DISCARDED" | "CANCELED" | "STOPPED" | "SKIPPED"
        )
    }

    /// Whether a run stays in this state until somebody confirms, discards or reviews it.
    pub(super) fn waits_for_somebody(&self) -> bool {
        matches!(self.0.as_str(), "UNCONFIRMED" | "PENDING_REVIEW")
    }
}

/// What kind of run it is, as text for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RunType(pub(super) String);

/// A stack as the portal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) state: StackState,
    pub(super) branch: String,
    pub(super) space: Space,
}

/// The space a stack belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) id: String,
    pub(super) name: String,
}

/// A run just started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) state: RunState,
}

/// A run as somebody who looks at it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunDetails {
    pub(super) id: String,
    pub(super) state: RunState,
    pub(super) kind: Option<RunType>,
    /// Whether its state is a last one.
    pub(super) finished: bool,
    /// Unix seconds, as the next.
    pub(super) created_at: Option<i64>,
    pub(super) updated_at: Option<i64>,
    pub(super) triggered_by: Option<String>,
}

impl RunDetails {
    /// Whether it is over and did what it was for.
    pub(super) fn succeeded(&self) -> bool {
        self.finished && self.state.0 == "FINISHED"
    }

    /// Whether it is over and did not: `FINISHED` is the only success, also among states that are not known yet.
    pub(super) fn failed(&self) -> bool {
        self.finished && !self.succeeded()
    }

    /// Whether nothing more happens by itself.
    pub(super) fn rests(&self) -> bool {
        self.finished || self.state.waits_for_somebody()
    }
}

/// What somebody decides about a run that waits for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Confirm,
    Discard,
}

impl Verdict {
    /// Whether a run in this state can be decided so: one in the queue can be dropped, too.
    pub(super) fn suits(self, state: &RunState) -> bool {
        match self {
            Self::Confirm => state.0 == "UNCONFIRMED",
            Self::Discard => matches!(
                state.0.as_str(),
                "UNCONFIRMED" | "PENDING_REVIEW" | "QUEUED" | "READY"
            ),
        }
    }

    /// Whether a run in this state was decided so. One that is over may have ended without, so it tells nothing.
    pub(super) fn leads_to(self, state: &RunState) -> bool {
        match self {
            Self::Confirm => matches!(state.0.as_str(), "CONFIRMED" | "PREPARING_APPLY" | "APPLYING"),
            Self::Discard => state.0 == "DISCARDED",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Confirm => "confirmed",
            Self::Discard => "discarded",
        })
    }
}

/// What decides whether a stack takes a run from us, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writability {
    pub(super) can_write: Option<bool>,
    pub(super) disabled: Option<bool>,
    pub(super) lock: Option<Lock>,
}

/// Who holds a stack and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) by: String,
    /// Unix seconds.
    pub(super) at: Option<i64>,
    pub(super) note: Option<String>,
}

impl Lock {
    /// The lock, if anybody holds it.
    pub(super) fn new(by: Option<String>, at: Option<i64>, note: Option<String>) -> Option<Self> {
        let note = note.filter(|note| !note.is_empty());
        by.filter(|by| !by.is_empty()).map(|by| Self { by, at, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_percent_decoded() {
        assert_eq!(StackId::from_segment("a%2Fb%20c").unwrap().as_str(), "a/b c");
        assert_eq!(StackId::from_segment("..%2f").unwrap().as_str(), "../");
        assert_eq!(StackId::from_segment("caf%C3%A9").unwrap().as_str(), "café");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for segment in ["%E0%A4%A", "%", "%zz", "a%2", "%FF"] {
            assert_eq!(
                StackId::from_segment(segment),
                Err(InvalidStackId::BrokenEscape),
                "{segment}"
            );
        }
    }

    #[test]
    fn a_run_id_is_letters_and_digits() {
        assert_eq!(RunId::new("01HRUN0000").unwrap().as_str(), "01HRUN0000");
        for id in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(RunId::new(id), Err(InvalidRunId), "{id}");
        }
    }

    #[test]
    fn only_a_run_that_waits_is_decided_about() {
        let state = |name: &str| RunState(name.to_owned());
        assert!(Verdict::Confirm.suits(&state("UNCONFIRMED")) && Verdict::Discard.suits(&state("QUEUED")));
        for name in ["QUEUED", "APPLYING", "FINISHED", "SOMETHING_NEW"] {
            assert!(!Verdict::Confirm.suits(&state(name)), "{name}");
        }
        assert!(!Verdict::Discard.suits(&state("APPLYING")));
    }

    #[test]
    fn overlong_ids_and_control_characters_are_refused() {
        assert_eq!(
            StackId::from_segment(&"x".repeat(256)),
            Err(InvalidStackId::TooLong)
        );
        assert!(StackId::from_segment(&"x".repeat(255)).is_ok());
        for segment in ["a%00b", "%0A", "%7f", "%C2%85"] {
            assert_eq!(
                StackId::from_segment(segment),
                Err(InvalidStackId::ControlCharacter),
                "{segment}"
            );
        }
    }
}

//! Stacks, spaces and runs in our own words; knows neither HTTP nor GraphQL.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// Longest stack id we pass on. Ids are slugs of names; this is far beyond any, and short enough for a log line.
const MAX_STACK_ID: usize = 255;

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

/// What decides whether a stack takes a run from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writability {
    pub(super) can_write: bool,
    pub(super) disabled: bool,
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

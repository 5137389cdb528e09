//! Misbehaviour on demand: what goes wrong, for which calls, how often.

use std::time::Duration;

/// What happens instead of an answer, or to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// This body with this status and content type.
    Body {
        /// HTTP status.
        status: u16,
        /// The content type.
        content_type: &'static str,
        /// The body as it is.
        body: String,
    },
    /// HTTP 429 as Spacelift's server library writes it, with or without `Retry-After`.
    RateLimited {
        /// The header's value: seconds or a date.
        retry_after: Option<String>,
    },
    /// HTTP 200 with null at each root field and this error.
    GraphQlError {
        /// The message.
        message: String,
        /// The extensions, if any.
        extensions: Option<serde_json::Value>,
    },
    /// HTTP 200, the right data, and this error on top.
    PartialData {
        /// The message.
        message: String,
    },
    /// Half of the right answer, with a content length to match: valid HTTP, cut JSON.
    CutJson,
    /// Half of the right answer, then the connection closes.
    CloseMidBody,
    /// The connection closes without an answer. The call has had its effect.
    Close,
    /// No answer at all; the connection stays open.
    Hang,
    /// The right answer after this time.
    Delay(Duration),
}

impl Fault {
    /// A proxy's HTML page with the status.
    pub fn html(status: u16) -> Self {
        Self::Body {
            status,
            content_type: "text/html",
            body: "<html><body><h1>A proxy speaking</h1></body></html>".to_owned(),
        }
    }

    /// A GraphQL error body with the status.
    pub fn json(status: u16, message: &str) -> Self {
        Self::Body {
            status,
            content_type: "application/json",
            body: serde_json::json!({"errors": [{"message": message}]}).to_string(),
        }
    }

    /// The error of a dead session, also for a live one.
    pub fn unauthorized() -> Self {
        Self::GraphQlError {
            message: super::world::UNAUTHORIZED.to_owned(),
            extensions: None,
        }
    }

    /// Whether the call takes effect although the caller may never learn of it.
    pub(super) fn executes(&self) -> bool {
        !matches!(
            self,
            Self::Body { .. } | Self::RateLimited { .. } | Self::GraphQlError { .. }
        )
    }
}

/// Which calls a fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// All.
    Any,
    /// Those that ask for this root field, such as `apiKeyUser` or `stacks`.
    Field(&'static str),
}

impl Target {
    /// Logins.
    pub const LOGIN: Self = Self::Field("apiKeyUser");
    /// Stack lists.
    pub const LIST: Self = Self::Field("stacks");
    /// Triggers.
    pub const TRIGGER: Self = Self::Field("runTrigger");
}

/// A fault, its target and how many calls it still meets.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// Which calls.
    pub target: Target,
    /// How many of them; `None` for all until [`Simulator::clear_faults`](super::Simulator::clear_faults).
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Takes the fault for a call with these root fields, if a rule meets it.
    pub(super) fn take(&mut self, fields: &[String]) -> Option<Fault> {
        let meets = |rule: &FaultRule| match rule.target {
            Target::Any => true,
            Target::Field(name) => fields.iter().any(|field| field == name),
        };
        let index = self.rules.iter().position(meets)?;
        let rule = self.rules.get_mut(index)?;
        let fault = rule.fault.clone();
        rule.times = rule.times.map(|times| times.saturating_sub(1));
        if rule.times == Some(0) {
            self.rules.remove(index);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_only_its_calls_and_only_so_often() {
        let mut faults = Faults::default();
        faults.add(FaultRule {
            target: Target::LIST,
            times: Some(2),
            fault: Fault::Hang,
        });
        assert_eq!(faults.take(&["apiKeyUser".to_owned()]), None);
        let list = ["viewer".to_owned(), "stacks".to_owned()];
        assert_eq!(faults.take(&list), Some(Fault::Hang));
        assert_eq!(faults.take(&list), Some(Fault::Hang));
        assert_eq!(faults.take(&list), None);
    }
}

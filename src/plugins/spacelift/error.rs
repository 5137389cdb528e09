//! Everything that can go wrong with Spacelift, in sentences a person can act on, and its one way to HTTP.
//!
//! The sentence is what the portal shows. Sources are kept beside it for the request's log line.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    domain::{InvalidRunId, InvalidStackId, Lock, RunId, RunState, StackId, Verdict},
    listed::OddStack,
    text::Said,
};
use crate::backstage::error::{BackstageError, RequestLine, envelope};

/// What the Node plugin says when `spacelift.readOnly` is set; its frontend shows it word for word.
pub(super) const READ_ONLY: &str = "Trigger functionality is disabled. Plugin is in read-only mode.";

/// A failure to do what the portal asked. Cheap to clone: one failure is shared by all who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum SpaceliftError {
    #[error("{READ_ONLY}")]
    ReadOnly,
    #[error(transparent)]
    InvalidStackId(#[from] InvalidStackId),
    #[error(transparent)]
    InvalidRunId(#[from] InvalidRunId),
    #[error("Stack '{stack}' has no run '{run}' that the integration key may see; look at {link}")]
    RunNotFound {
        stack: StackId,
        run: RunId,
        link: String,
    },
    #[error("Run '{run}' is in state {} and cannot be {verdict} any more or yet; look at {link}", .state.0)]
    RunNotWaiting {
        run: RunId,
        state: RunState,
        verdict: Verdict,
        link: String,
    },
    /// What was waited for ended, and not well.
    #[error("Run '{run}' ended as {} on stack '{stack}'; look at {link}", .state.0)]
    RunFailed {
        run: RunId,
        stack: StackId,
        state: RunState,
        link: String,
    },
    #[error("Whether Spacelift took the decision is not known; look at {link} before you decide again")]
    DecisionLost {
        link: String,
        #[source]
        cause: Box<SpaceliftError>,
    },
    #[error(
        "Spacelift knows no stack '{stack}' that the integration key may see; reload the list, or give the key's \
         role access to the stack's space"
    )]
    StackNotFound { stack: StackId },
    #[error(
        "The integration key may not start runs on stack '{stack}' or decide about them; give its role write access to the stack's \
         space in Spacelift"
    )]
    StackNotWritable { stack: StackId },
    #[error("Stack '{stack}' is locked{}; ask for it to be unlocked in Spacelift and try again", describe(.lock))]
    StackLocked { stack: StackId, lock: Lock },
    #[error("Stack '{stack}' is disabled; enable it in Spacelift and try again")]
    StackDisabled { stack: StackId },
    #[error("Spacelift refused {operation}: {message}")]
    Rejected {
        operation: &'static str,
        message: String,
        /// What Spacelift added to the message, passed on as `details`.
        extensions: Map<String, Value>,
    },
    /// Its error is about what the operation made, so it may have had its effect.
    #[error("Spacelift could not tell what came of {operation}: {message}")]
    Untold {
        operation: &'static str,
        message: String,
    },
    /// Spacelift said `unauthorized`: the session is dead, or the key lacks a permission.
    #[error(
        "Spacelift does not let the integration key do this ({operation}: unauthorized); check the key's role, and \
         that the key still exists"
    )]
    Unauthorized {
        operation: &'static str,
        #[source]
        said: Option<Said>,
    },
    #[error(
        "Spacelift does not accept the API key{}; check spacelift.apiKey and spacelift.apiSecret, and that the \
         integration key still exists", reason_in_log(.said)
    )]
    KeyRefused {
        #[source]
        said: Option<Said>,
    },
    /// The document was refused before anything of it was executed.
    #[error(
        "This Spacelift's schema lacks something that {operation} needs{}; that says nothing of the API key: update \
         Spacelift or Stagedoor so that they fit", told(.message, .said)
    )]
    NotInSchema {
        operation: &'static str,
        message: Option<String>,
        #[source]
        said: Option<Said>,
    },
    /// A stack that is not as the schema promises.
    #[error("Spacelift's {0}, so it cannot be shown; look at the stack in Spacelift")]
    OddStack(OddStack),
    #[error(
        "Spacelift accepts the API key but not the session it gave for it; check that the integration key still \
         exists"
    )]
    SessionRefused,
    #[error("Spacelift asks us to slow down; try again in a moment")]
    RateLimited { retry_at: Instant },
    #[error("Spacelift cannot be reached; check spacelift.hostUrl, the network and the proxy settings")]
    Unreachable(#[source] Arc<reqwest::Error>),
    #[error(
        "Spacelift's TLS certificate is not trusted; if your network uses a certificate authority of its own, name \
         its certificate in stagedoor.tls.caFile"
    )]
    Untrusted(#[source] Arc<reqwest::Error>),
    #[error(
        "Spacelift refused the TLS connection; it may want a client certificate, see \
         stagedoor.spacelift.clientCertificate (trusted authorities are named in stagedoor.tls.caFile)"
    )]
    TlsRefused(#[source] Arc<reqwest::Error>),
    #[error("The connection to Spacelift broke during {operation}; try again")]
    Interrupted {
        operation: &'static str,
        #[source]
        source: Arc<reqwest::Error>,
    },
    #[error(
        "Spacelift did not answer {operation} within {} s; try again, or raise stagedoor.spacelift.timeout",
        .limit.as_secs_f32()
    )]
    Slow {
        operation: &'static str,
        limit: Duration,
    },
    #[error(
        "Spacelift answered {operation} with HTTP status {status}{}; try again later, and if it lasts check \
         spacelift.hostUrl and that no proxy answers in its place",
        told(.message, .said)
    )]
    Failed {
        operation: &'static str,
        status: StatusCode,
        message: Option<String>,
        #[source]
        said: Option<Said>,
    },
    #[error(
        "The answer to {operation} is not one of Spacelift's; check that spacelift.hostUrl names the account and \
         that no proxy answers in its place"
    )]
    Malformed {
        operation: &'static str,
        #[source]
        source: Option<Unreadable>,
    },
    #[error(
        "Spacelift's answer to {operation} is larger than {limit} bytes; narrow the spaces that the key may see"
    )]
    TooLarge { operation: &'static str, limit: usize },
    #[error("Whether Spacelift took the trigger is not known: the run may have started; look at {link}")]
    TriggerLost {
        link: String,
        #[source]
        cause: Box<SpaceliftError>,
    },
    /// Our own fault: the work ended without an answer.
    #[error("Stagedoor lost track of this request; try again, and look into its log")]
    Abandoned,
}

/// Where an answer could not be read; without the text that serde quotes, which may be a session.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{category:?} error at line {line} column {column}")]
pub(super) struct Unreadable {
    category: serde_json::error::Category,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self {
            category: error.classify(),
            line: error.line(),
            column: error.column(),
        }
    }
}

impl SpaceliftError {
    /// Whether a trigger that ended so may still have started its run.
    pub(super) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Interrupted { .. }
            | Self::Slow { .. }
            | Self::Malformed { .. }
            | Self::Untold { .. }
            | Self::TooLarge { .. } => true,
            // A strange success may be one, and a 408 may come from somebody between us and Spacelift.
            Self::Failed { status, .. } => {
                status.is_server_error() || status.is_success() || *status == StatusCode::REQUEST_TIMEOUT
            }
            _ => false,
        }
    }

    /// What Spacelift said to a login, for the log and `stagedoor check`.
    pub(super) fn said(&self) -> Option<&Said> {
        match self {
            Self::Unauthorized { said, .. }
            | Self::KeyRefused { said }
            | Self::NotInSchema { said, .. }
            | Self::Failed { said, .. } => said.as_ref(),
            _ => None,
        }
    }

    /// Until when Spacelift wants to be left alone, if it said so.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        match self {
            Self::RateLimited { retry_at } => Some(*retry_at),
            _ => None,
        }
    }
}

impl From<SpaceliftError> for BackstageError {
    /// The only place where a cause gets its status. Spacelift's own 401 never becomes ours.
    fn from(error: SpaceliftError) -> Self {
        use SpaceliftError as E;
        let text = error.to_string();
        let answer = match &error {
            E::ReadOnly | E::StackNotWritable { .. } => Self::not_allowed(text),
            E::InvalidStackId(_) | E::InvalidRunId(_) => Self::input(text),
            E::StackNotFound { .. } | E::RunNotFound { .. } => Self::not_found(text),
            E::StackLocked { .. } | E::StackDisabled { .. } | E::RunNotWaiting { .. } => Self::conflict(text),
            E::RunFailed { state, link, .. } => Self::conflict(text)
                .with_field("state", state.0.as_str().into())
                .with_field("url", link.as_str().into()),
            E::RateLimited { retry_at } => Self::unavailable(StatusCode::TOO_MANY_REQUESTS, text)
                .with_header(RETRY_AFTER, whole_seconds_until(*retry_at)),
            E::Rejected { extensions, .. } => {
                let bad_gateway = Self::unavailable(StatusCode::BAD_GATEWAY, text);
                extensions.iter().fold(bad_gateway, |answer, (key, value)| {
                    answer.with_field(key, value.clone())
                })
            }
            E::Unauthorized { .. }
            | E::KeyRefused { .. }
            | E::NotInSchema { .. }
            | E::OddStack(_)
            | E::SessionRefused
            | E::Unreachable(_)
            | E::Untrusted(_)
            | E::TlsRefused(_)
            | E::Interrupted { .. }
            | E::Failed { .. }
            | E::Malformed { .. }
            | E::Untold { .. }
            | E::TooLarge { .. } => Self::unavailable(StatusCode::BAD_GATEWAY, text),
            E::Slow { .. } | E::TriggerLost { .. } | E::DecisionLost { .. } => {
                Self::unavailable(StatusCode::GATEWAY_TIMEOUT, text)
            }
            E::Abandoned => Self::new("Error", StatusCode::INTERNAL_SERVER_ERROR, text),
        };
        answer.with_cause(error)
    }
}

impl From<InvalidStackId> for BackstageError {
    fn from(invalid: InvalidStackId) -> Self {
        SpaceliftError::from(invalid).into()
    }
}

impl From<InvalidRunId> for BackstageError {
    fn from(invalid: InvalidRunId) -> Self {
        SpaceliftError::from(invalid).into()
    }
}

/// This plugin's body: the frontend prints `error` as it is, so it must be text.
///
/// The paths every plugin shares keep Backstage's envelope, which is what their callers read.
pub(super) fn body(error: &BackstageError, request: &RequestLine) -> Value {
    let path = request.url.to_ascii_lowercase();
    if path.starts_with("/.backstage/") || path.starts_with("/.well-known/") {
        return envelope(error, request);
    }
    let mut body = Map::new();
    body.insert("error".into(), error.message().into());
    if !error.fields().is_empty() {
        body.insert("details".into(), error.fields().clone().into());
    }
    body.into()
}

/// Rounds up, so that a caller who waits as told is not too early.
fn whole_seconds_until(at: Instant) -> HeaderValue {
    let wait = at.saturating_duration_since(Instant::now());
    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, u128::from(u32::MAX)) as u64)
}

/// What Spacelift said, or that it is in the log.
fn told(message: &Option<String>, said: &Option<Said>) -> String {
    match message {
        Some(message) => format!(" (it said: {message})"),
        None => reason_in_log(said),
    }
}

fn reason_in_log(said: &Option<Said>) -> String {
    let told = said.as_ref().map(|_| " (what it said is in Stagedoor's log)");
    told.unwrap_or_default().to_owned()
}

fn describe(lock: &Lock) -> String {
    let since = lock.at.and_then(|at| jiff::Timestamp::from_second(at).ok());
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let note = lock
        .note
        .as_deref()
        .map(|note| format!(" (\"{note}\")"))
        .unwrap_or_default();
    format!(" by {}{since}{note}", lock.by)
}

//! How a call to an API server can fail. The words for people are the caller's to choose; this says what happened.

use std::{error::Error, sync::Arc, time::Duration};

use kube::core::{Status, response::StatusCause};

use super::objects::Address;
use crate::infra::http_client::CertificateFlaw;

/// Longest sentence of a server that is repeated; one about a wrong object names every wrong field.
const MAX_MESSAGE: usize = 4096;

/// Most field problems that are repeated.
const MAX_CAUSES: usize = 100;

/// Most fields that a log line names.
const MAX_LOGGED_FIELDS: usize = 10;

/// A failed call. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KubernetesError {
    /// No connection came about.
    #[error("no connection to the API server")]
    Unreachable(#[source] Cause),
    /// The API server's certificate is not trusted.
    #[error("the API server's certificate is not trusted")]
    Untrusted(CertificateFlaw, #[source] Cause),
    /// The API server refused our side of TLS.
    #[error("the API server refused the TLS connection")]
    TlsRefused(#[source] Cause),
    /// The connection broke in the middle; a write may have happened.
    #[error("the connection to the API server broke")]
    Interrupted(#[source] Cause),
    /// No answer in time; a write may have happened.
    #[error("no answer from the API server within {} s", .0.as_secs_f32())]
    Slow(Duration),
    /// The API server did not accept the credential.
    #[error("the API server did not accept the credential")]
    Unauthenticated,
    /// The API server said no, with a status of its own. Its sentence quotes what it was sent, so it is left out.
    #[error("the API server answered {}", .0.summary())]
    Refused(Arc<ApiRefusal>),
    /// The object is not there, and only then.
    #[error("the object does not exist")]
    Absent,
    /// The group, version or kind is not served.
    #[error("the API server does not serve this kind")]
    NotServed,
    /// The answer is none of an API server's.
    #[error("the answer is none of an API server's (HTTP status {status})")]
    Malformed {
        /// The answer's HTTP status.
        status: u16,
    },
    /// The answer is larger than what we are willing to hold.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// A name no header can carry.
    #[error("the identity cannot be written into a header")]
    UnusableIdentity,
    /// A call in our own name, where we have none.
    #[error("there is no account of our own at this cluster")]
    NoAccount,
    /// The file of the account's token cannot be read, or the helper of a kubeconfig failed.
    #[error("the account's credential cannot be read")]
    AccountUnreadable(#[source] Cause),
}

/// What is behind a failure, for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    pub(super) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

/// What an API server said when it refused ("Kubernetes API conventions", Status).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRefusal {
    /// The HTTP status.
    pub code: u16,
    /// One word, such as `NotFound`, `Invalid` or `Forbidden`; may be empty.
    pub reason: String,
    /// The sentence, as it was sent.
    pub message: String,
    /// The plural or kind of what the refusal is about; may be empty.
    pub kind: String,
    /// The name of what the refusal is about; may be empty.
    pub name: String,
    /// What is wrong with which field.
    pub causes: Vec<FieldProblem>,
    /// When to come back, if it said so.
    pub retry_after: Option<Duration>,
}

/// One field that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldProblem {
    /// Its path, such as `spec.size`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl From<StatusCause> for FieldProblem {
    fn from(cause: StatusCause) -> Self {
        Self {
            field: shortened(cause.field),
            message: shortened(cause.message),
        }
    }
}

impl ApiRefusal {
    pub(super) fn new(code: u16, status: Status) -> Self {
        let mut refusal = Self {
            code,
            reason: status.reason,
            message: shortened(status.message),
            kind: String::new(),
            name: String::new(),
            causes: Vec::new(),
            retry_after: None,
        };
        if let Some(details) = status.details {
            let seconds = Some(details.retry_after_seconds).filter(|seconds| *seconds > 0);
            refusal.retry_after = seconds.map(|seconds| Duration::from_secs(seconds.into()));
            refusal.kind = details.kind;
            refusal.name = details.name;
            refusal.causes = details
                .causes
                .into_iter()
                .take(MAX_CAUSES)
                .map(FieldProblem::from)
                .collect();
        }
        refusal
    }

    /// What a server says that limits the rate of calls before it looks at them; its text is no `Status`.
    pub(super) fn too_many() -> Self {
        Self {
            code: 429,
            reason: "TooManyRequests".to_owned(),
            message: "The API server gets too many requests; try again later".to_owned(),
            kind: String::new(),
            name: String::new(),
            causes: Vec::new(),
            retry_after: None,
        }
    }

    /// The same with what the answer's header says, unless the `Status` says it already.
    pub(super) fn with_retry_after(mut self, seconds: Option<Duration>) -> Self {
        self.retry_after = self.retry_after.or(seconds);
        self
    }

    /// Status, reason and the fields at fault: as much as a log may hold.
    pub fn summary(&self) -> String {
        let mut summary = self.code.to_string();
        if !self.reason.is_empty() {
            summary = format!("{summary} {}", self.reason);
        }
        let fields = self.causes.iter().map(|cause| cause.field.as_str());
        let fields: Vec<&str> = fields
            .filter(|field| !field.is_empty())
            .take(MAX_LOGGED_FIELDS)
            .collect();
        match fields.as_slice() {
            [] => summary,
            fields => format!("{summary}, because of {}", fields.join(", ")),
        }
    }

    /// Whether the path is not served, said as a `Status` without a name.
    pub(super) fn is_about_no_object(&self) -> bool {
        self.code == 404 && self.reason == "NotFound" && self.kind.is_empty() && self.name.is_empty()
    }

    /// Whether the object itself is absent, and not its kind or its namespace.
    pub(super) fn is_absence_of(&self, address: &Address) -> bool {
        // A create in a namespace that is not there is a NotFound as well, whose name may be the same.
        let is_it = self.kind == address.resource.plural() && self.name == address.name;
        self.code == 404 && self.reason == "NotFound" && is_it
    }
}

impl KubernetesError {
    /// Returns the API server's refusal, if this is one.
    pub fn refusal(&self) -> Option<&ApiRefusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the object was changed by somebody else between our read and our write, or made in between.
    pub fn is_conflict(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| matches!(refusal.reason.as_str(), "Conflict" | "AlreadyExists"))
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(causes: &[&str]) -> ApiRefusal {
        let causes = causes
            .iter()
            .map(|field| json!({ "field": field, "message": "Invalid value: \"hunter2\"" }));
        let status = json!({
            "status": "Failure", "code": 422, "reason": "Invalid",
            "message": "Database \"mine\" is invalid: spec.adminPassword: Invalid value: \"hunter2\"",
            "details": { "causes": causes.collect::<Vec<_>>() },
        });
        ApiRefusal::new(422, serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_refusal_is_logged_by_status_reason_and_fields_and_never_by_what_it_quotes() {
        let refused = |causes: &[&str]| KubernetesError::Refused(Arc::new(refusal(causes))).to_string();
        assert_eq!(
            refused(&["spec.adminPassword", "", "spec.size"]),
            "the API server answered 422 Invalid, because of spec.adminPassword, spec.size"
        );
        assert_eq!(refused(&[]), "the API server answered 422 Invalid");
    }

    #[test]
    fn a_line_names_a_few_fields_and_not_all_of_a_hundred() {
        let named = refusal(&["spec.x"; 50]).summary();
        assert_eq!(named.matches("spec.x").count(), MAX_LOGGED_FIELDS);
    }
}

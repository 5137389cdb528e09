//! Everything that can go wrong, in sentences a person can act on, and its one way to HTTP.
//!
//! The frontend shows the top-level `message`; 404 means to it that the object is gone, so nothing else is a 404: without
//! its kind no object is there either.

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use super::{
    code_hosts,
    domain::{Invalid, NotAllowed, NotImpersonated, ObjectRef, State},
    repository::RepositoryError,
    trouble::Trouble,
};
use crate::{
    backstage::{
        audit::Recordable,
        error::{BackstageError, RequestLine, envelope},
        integrations::WriteError,
    },
    infra::{
        database::DatabaseError,
        kubernetes::{ApiRefusal, Cluster, KubernetesError},
    },
};

/// A failure to do what the portal asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum SkeError {
    /// The request cannot be used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// `stagedoor.ske.allow` or `deletePromises` says no.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Our account may not list Promises; what is not known to be offered is not open.
    #[error(
        "Which kinds Promises offer is not known, so nothing may be touched: {0}. Let Stagedoor's account \
         (serviceAccountToken) list promises, or name what may be touched in stagedoor.ske.allow"
    )]
    UnknownOffer(String),
    /// The caller is nobody the cluster could judge.
    #[error(transparent)]
    NotImpersonated(#[from] NotImpersonated),
    /// A refusal of Backstage's side: permissions, write callers, the auth backend.
    #[error("{}", .0.message())]
    Backstage(BackstageError),
    /// The caller has to sign in again.
    #[error("{0}")]
    SignIn(String),
    /// A service calls where only a person's own sign-in counts.
    #[error("{0}")]
    NeedsUser(String),
    /// The mode has no cluster to ask.
    #[error("ske.mode is gitops, which knows no cluster")]
    NoCluster,
    /// The object is not there, and only then.
    #[error("{0} does not exist on the platform")]
    Absent(ObjectRef),
    /// The Promise that offers the kind is on its way out, and takes its requests with it.
    #[error(
        "The Promise '{promise}', which offers {kind}, is being deleted, and every request of it with it; wait until it is \
         installed again"
    )]
    PromiseLeaving { promise: String, kind: String },
    /// The kind is not served, in no version.
    #[error(
        "The platform does not serve kind '{kind}' in '{api_version}'; check the spelling (of an entity: kratix.io/group, \
         version and kind), and that the Promise is installed"
    )]
    NotServed { api_version: String, kind: String },
    /// The kind is served in these versions only.
    #[error("The platform does not serve kind '{kind}' in '{api_version}'; it serves it in {}", .served.join(", "))]
    OtherVersions {
        api_version: String,
        kind: String,
        served: Vec<String>,
    },
    /// No look at the object ended while it was waited for.
    #[error("The platform did not say in time how far {0} is; try again")]
    Unseen(ObjectRef),
    /// A wait ended in another state than the one waited for.
    #[error("{text}")]
    Ended { state: State, text: String },
    /// What should be made is there.
    #[error(
        "{0} exists already and was left as it is, since ifExists is 'fail'; choose another name, or leave ifExists out"
    )]
    Exists(ObjectRef),
    /// A write met an object on its way out.
    #[error("{0} is being deleted; wait until it is gone, then try again")]
    BeingDeleted(ObjectRef),
    /// Somebody else kept changing the object.
    #[error("{0} was changed by somebody else at the same time, again and again; reload and try again")]
    Conflict(ObjectRef),
    /// The repository does not give or take the object.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A code host does not take a change.
    #[error(transparent)]
    CodeHost(WriteError),
    /// The same, with the caller's own credential.
    #[error(transparent)]
    CallersToken(WriteError),
    /// The platform has what the repository has not, so no commit takes it away.
    #[error(
        "{0} exists on the platform but not in the repository. If it has just been deleted there, wait until the \
         platform follows; else it came from elsewhere and has to go there"
    )]
    OnlyOnPlatform(ObjectRef),
    /// The cluster would not let the caller do what the commit would bring about.
    #[error(
        "The platform does not let you {verb} {object}, so nothing was committed; ask for the right to {verb} this kind \
         of object"
    )]
    NotPermitted { verb: &'static str, object: ObjectRef },
    /// Storage did not answer when what was already submitted should be recorded.
    #[error("The resource was submitted and need not be submitted again, only its record is missing: {0}")]
    NotRecorded(#[source] DatabaseError),
    /// So many that it is a mistake somewhere.
    #[error(
        "The resource was submitted and need not be submitted again, only its record is missing, because {0} requests \
         are pending already"
    )]
    TooManyPending(i64),
    /// Another caller's request is recorded for the same object.
    #[error(
        "The resource was submitted and need not be submitted again, only its record is missing: the {action} of {object} \
         that {owner} recorded is still pending. Record this one when the platform has worked through that one, or its \
         pull request is closed"
    )]
    PendingForAnother {
        object: ObjectRef,
        action: &'static str,
        owner: String,
    },
    /// A pull request is there, and what should be recorded of it was not.
    #[error("{url} is open. {cause}")]
    OpenUnrecorded {
        url: String,
        #[source]
        cause: Box<SkeError>,
    },
    /// A write of which nobody knows how it ended, through a fault of ours.
    #[error(
        "Stagedoor has a defect and does not know how this ended; look into its log, and see what was done before you try \
         again"
    )]
    Lost,
    /// Storage did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A call to the cluster failed.
    #[error("{trouble}")]
    Cluster {
        trouble: Trouble,
        #[source]
        source: KubernetesError,
    },
}

impl SkeError {
    /// A call that failed for no reason of its own.
    pub(super) fn cluster(cluster: &Cluster, write: bool, error: KubernetesError) -> Self {
        Self::Cluster {
            trouble: Trouble::new(cluster, write, error.clone()),
            source: error,
        }
    }
}

impl SkeError {
    /// Whether the cluster said that the caller may not.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Cluster { trouble, .. } => {
                trouble.error.refusal().is_some_and(|refusal| refusal.code == 403)
            }
            _ => false,
        }
    }
}

impl Recordable for SkeError {
    /// An API server's sentence quotes what it was sent, which may be a secret: it is for the caller alone.
    fn recorded(&self) -> String {
        match self {
            Self::Backstage(error) => error.recorded(),
            Self::Cluster { trouble, .. } => trouble.recorded(),
            _ => self.to_string(),
        }
    }
}

impl From<SkeError> for BackstageError {
    /// The only place where a cause gets its status.
    fn from(error: SkeError) -> Self {
        use SkeError as E;
        let text = error.to_string();
        match error {
            E::Backstage(error) => error,
            E::Invalid(_) => Self::input(text),
            E::NotAllowed(_)
            | E::UnknownOffer(_)
            | E::NotImpersonated(_)
            | E::NeedsUser(_)
            | E::NotPermitted { .. } => Self::not_allowed(text),
            E::SignIn(_) => Self::authentication(text),
            E::NoCluster => Self::not_implemented(text),
            E::Absent(_) | E::NotServed { .. } => Self::not_found(text),
            E::OtherVersions { .. } => unprocessable(text),
            E::Ended { state, .. } => Self::conflict(text).with_field("state", json!(state)),
            E::Exists(_)
            | E::BeingDeleted(_)
            | E::Conflict(_)
            | E::OnlyOnPlatform(_)
            | E::PendingForAnother { .. }
            | E::PromiseLeaving { .. } => Self::conflict(text),
            E::Unseen(_) => Self::unavailable(StatusCode::GATEWAY_TIMEOUT, text),
            E::Repository(error) => error.into_answer(),
            E::CodeHost(error) => code_hosts::answer(&error, false),
            E::CallersToken(error) => code_hosts::answer(&error, true),
            E::NotRecorded(source) | E::Database(source) => {
                Self::unavailable(StatusCode::SERVICE_UNAVAILABLE, text).with_cause(source)
            }
            E::TooManyPending(_) => Self::unavailable(StatusCode::SERVICE_UNAVAILABLE, text),
            E::OpenUnrecorded { cause, .. } => {
                Self::unavailable(StatusCode::SERVICE_UNAVAILABLE, text).with_cause(*cause)
            }
            E::Lost => Self::new("Error", StatusCode::INTERNAL_SERVER_ERROR, text),
            E::Cluster { trouble, source } => upstream(&trouble, text)
                .logged_as(trouble.recorded())
                .with_cause(source),
        }
    }
}

/// The class of a failed call: what the API server says of the request is the caller's, all else is not.
fn upstream(trouble: &Trouble, text: String) -> BackstageError {
    match &trouble.error {
        KubernetesError::Refused(refusal) => hold_off(refused(refusal, text), refusal),
        KubernetesError::Slow(_) => BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, text),
        KubernetesError::UnusableIdentity => BackstageError::not_allowed(text),
        _ => BackstageError::unavailable(StatusCode::BAD_GATEWAY, text),
    }
}

fn refused(refusal: &ApiRefusal, text: String) -> BackstageError {
    match refusal.code {
        403 => BackstageError::not_allowed(text),
        409 => BackstageError::conflict(text),
        413 => BackstageError::new("InputError", StatusCode::PAYLOAD_TOO_LARGE, text),
        429 => BackstageError::unavailable(StatusCode::TOO_MANY_REQUESTS, text),
        // What is wrong with the request itself; 404 here is an absent namespace or kind, never the object.
        400 | 404 | 405 | 406 | 415 | 422 => unprocessable(text).with_field("details", json!(refusal.causes)),
        504 => BackstageError::unavailable(StatusCode::GATEWAY_TIMEOUT, text),
        _ => BackstageError::unavailable(StatusCode::BAD_GATEWAY, text),
    }
}

fn unprocessable(text: String) -> BackstageError {
    BackstageError::new("InputError", StatusCode::UNPROCESSABLE_ENTITY, text)
}

/// Passes on when to come back, if the API server said so.
fn hold_off(error: BackstageError, refusal: &ApiRefusal) -> BackstageError {
    match refusal.retry_after {
        Some(wait) => error.with_header(RETRY_AFTER, HeaderValue::from(wait.as_secs())),
        None => error,
    }
}

/// Writes the envelope and repeats its message where the frontend's banner looks for it.
pub(super) fn body(error: &BackstageError, request: &RequestLine) -> Value {
    let mut body = envelope(error, request);
    if let Value::Object(fields) = &mut body {
        fields.insert("message".into(), error.message().into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_stands_at_the_top_level_besides_the_envelope() {
        let request = RequestLine {
            method: "GET".into(),
            url: "/resource".into(),
        };
        let body = body(&BackstageError::input("name is missing"), &request);
        assert_eq!(body["message"], "name is missing");
        assert_eq!(body["error"]["name"], "InputError");
        assert_eq!(body["response"]["statusCode"], 400);
    }
}

//! Everything that can go wrong, in sentences a person can act on, and its one way to HTTP.
//!
//! The frontend shows the top-level `message`; 404 means to it that the object is gone, so nothing else is a 404.

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use super::{
    code_hosts,
    domain::{Invalid, NotAllowed, NotImpersonated, ObjectRef},
    repository::RepositoryError,
};
use crate::{
    backstage::{
        error::{BackstageError, RequestLine, envelope},
        integrations::WriteError,
    },
    infra::{
        database::DatabaseError,
        http_client::CertificateFlaw,
        kubernetes::{Account, ApiRefusal, Cluster, KubernetesError},
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
        "Which kinds Promises offer is not known, so nothing may be touched: {0}. Let Stagedoor's account list \
         promises, or name what may be touched in stagedoor.ske.allow"
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
    /// The kind is not served.
    #[error(
        "The platform does not serve kind '{kind}' in '{api_version}'; check the annotations kratix.io/group, \
         kratix.io/version and kratix.io/kind of the entity, and that the Promise is installed"
    )]
    NotServed { api_version: String, kind: String },
    /// No look at the object ended while it was waited for.
    #[error("The platform did not say in time how far {0} is; try again")]
    Unseen(ObjectRef),
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
    #[error(
        "The resource was submitted, but that could not be recorded, so the portal does not show it as pending; it need \
         not be submitted again. {0}"
    )]
    NotRecorded(#[source] DatabaseError),
    /// So many that it is a mistake somewhere.
    #[error(
        "The resource was submitted, but that was not recorded, because {0} requests are pending already; it need not \
         be submitted again"
    )]
    TooManyPending(i64),
    /// A pull request is there, and what should be recorded of it was not.
    #[error("{url} is open. {cause}")]
    OpenUnrecorded {
        url: String,
        #[source]
        cause: Box<SkeError>,
    },
    /// Storage did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A call to the cluster failed.
    #[error("{}", describe(.trouble))]
    Cluster {
        trouble: Trouble,
        #[source]
        source: KubernetesError,
    },
}

/// A failed call to the cluster, with what is needed to say what to do about it.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// The cluster's name.
    pub(super) cluster: String,
    /// Where it is set up.
    place: Place,
    /// Whether something may have been changed.
    pub(super) write: bool,
    /// Says what happened.
    pub(super) error: KubernetesError,
}

impl SkeError {
    /// A call that failed for no reason of its own.
    pub(super) fn cluster(cluster: &Cluster, write: bool, error: KubernetesError) -> Self {
        Self::Cluster {
            trouble: Trouble {
                cluster: cluster.name().to_owned(),
                place: Place::of(cluster.account()),
                write,
                error: error.clone(),
            },
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

/// Where a person finds what a cluster is reached with.
#[derive(Debug, Clone, Copy)]
struct Place {
    address: &'static str,
    authority: &'static str,
    credential: &'static str,
}

impl Place {
    fn of(account: &Account) -> Self {
        match account {
            Account::None | Account::Token(_) => Self {
                address: "its url below kubernetes.clusterLocatorMethods",
                authority: "caData or caFile of the cluster below kubernetes.clusterLocatorMethods",
                credential: "serviceAccountToken of the cluster below kubernetes.clusterLocatorMethods",
            },
            Account::File(_) => Self {
                address: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of the pod",
                authority: "ca.crt, which Kubernetes mounts into the pod",
                credential: "the token that Kubernetes mounts into the pod, and that its service account still exists",
            },
            Account::Implied => Self {
                address: "that kubectl proxy runs at its url below kubernetes.clusterLocatorMethods",
                authority: "the kubeconfig that kubectl proxy runs with",
                credential: "the kubeconfig that kubectl proxy runs with",
            },
            Account::Kubeconfig => Self {
                address: "the server of the kubeconfig's current context",
                authority: "certificate-authority of the kubeconfig's cluster",
                credential: "the user of the kubeconfig's current context",
            },
        }
    }
}

fn describe(trouble: &Trouble) -> String {
    use KubernetesError as E;
    let place = trouble.place;
    let cluster = format!("The platform cluster '{}'", trouble.cluster);
    let doubt = if trouble.write { UNKNOWN_FATE } else { "try again" };
    match &trouble.error {
        E::Refused(refusal) if refusal.message.is_empty() => {
            format!(
                "{cluster} answered with status {} {}",
                refusal.code, refusal.reason
            )
        }
        E::Refused(refusal) if trouble.write && refusal.code >= 500 => {
            format!("{}; {doubt}", refusal.message)
        }
        E::Refused(refusal) => refusal.message.clone(),
        E::Unreachable(_) => format!(
            "{cluster} cannot be reached; check {}, the network and the proxy settings",
            place.address
        ),
        E::Untrusted(flaw, _) => format!("{cluster} shows a certificate that {}", untrusted(*flaw, place)),
        E::TlsRefused(_) => format!("{cluster} refused the TLS connection; it may want a client certificate"),
        E::Interrupted(_) => format!("The connection to the platform cluster broke; {doubt}"),
        E::Slow(limit) => format!(
            "{cluster} did not answer within {} s; {doubt}, or raise stagedoor.ske.timeout",
            limit.as_secs_f32()
        ),
        E::Unauthenticated => format!(
            "{cluster} does not accept our own credential; check {}",
            place.credential
        ),
        E::AccountUnreadable(_) => format!(
            "Our own credential for {cluster} cannot be used; check {}",
            place.credential
        ),
        E::NoAccount => format!(
            "{cluster} is configured without a credential of our own; set {}",
            place.credential
        ),
        E::UnusableIdentity => "The cluster user of this caller cannot be sent to the platform".to_owned(),
        E::NotServed => format!("{cluster} does not serve this kind"),
        E::Malformed { status } => format!(
            "{cluster} answered with HTTP status {status} and something that is no answer of an API server; check {}, \
             and that no proxy answers in its place{}",
            place.address,
            trouble.aftermath()
        ),
        E::TooLarge(limit) => {
            format!("{cluster} sent more than {limit} bytes{}", trouble.aftermath())
        }
    }
}

/// What is said of a write whose answer did not come or says nothing.
const UNKNOWN_FATE: &str = "whether the change was made is not known, so reload before you try again";

impl Trouble {
    fn aftermath(&self) -> String {
        if self.write {
            format!("; {UNKNOWN_FATE}")
        } else {
            String::new()
        }
    }
}

fn untrusted(flaw: CertificateFlaw, place: Place) -> String {
    match flaw {
        CertificateFlaw::Outdated => {
            "has expired or is not valid yet; renew the API server's certificate, or set the clock of this machine right"
                .to_owned()
        }
        CertificateFlaw::OtherName => format!(
            "is for another name than the one it is reached under; check {}",
            place.address
        ),
        CertificateFlaw::Untrusted => format!(
            "is not trusted; name its certificate authority in {}",
            place.authority
        ),
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
            E::Absent(_) => Self::not_found(text),
            E::NotServed { .. } => unprocessable(text),
            E::BeingDeleted(_) | E::Conflict(_) | E::OnlyOnPlatform(_) => Self::conflict(text),
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
            E::Cluster { trouble, source } => upstream(&trouble, text).with_cause(source),
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

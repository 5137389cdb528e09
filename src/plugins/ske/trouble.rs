//! What a failed call to the cluster means to a person: what happened, and where to look.

use std::fmt;

use crate::infra::{
    http_client::CertificateFlaw,
    kubernetes::{Account, Cluster, KubernetesError},
};

/// A failed call to the cluster, with what is needed to say what to do about it.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// The cluster's name.
    cluster: String,
    /// Where it is set up.
    place: Place,
    /// Whether something may have been changed.
    write: bool,
    /// Says what happened.
    pub(super) error: KubernetesError,
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
        E::Absent => "The object does not exist on the platform".to_owned(),
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

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&describe(self))
    }
}

impl Trouble {
    /// A call to this cluster that failed; `write` says whether it may have changed something.
    pub(super) fn new(cluster: &Cluster, write: bool, error: KubernetesError) -> Self {
        Self {
            cluster: cluster.name().to_owned(),
            place: Place::of(cluster.account()),
            write,
            error,
        }
    }

    /// As log and audit may tell it.
    pub(super) fn recorded(&self) -> String {
        match self.error.refusal() {
            Some(refusal) => format!(
                "The platform cluster '{}' answered {}",
                self.cluster,
                refusal.summary()
            ),
            None => describe(self),
        }
    }

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

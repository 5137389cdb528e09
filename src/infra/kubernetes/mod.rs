//! Kubernetes API servers: one set of connections per cluster, and the identity named with each call.
//!
//! A connection carries no identity of a person, so that none can leak from one call into another: whoever calls hands
//! over an `Identity`, which becomes headers of that one request.

mod access;
mod account;
mod call;
mod cluster;
mod discovery;
mod dry_run;
mod error;
mod identity;
mod in_cluster;
mod kubeconfig;
mod objects;
mod wire;

pub use self::{
    access::{AccessRequest, Subject},
    account::Account,
    call::Answer,
    cluster::{Cluster, ClusterSettings},
    discovery::{Kind, Resource},
    error::{ApiRefusal, KubernetesError},
    identity::{Identity, Impersonated},
    in_cluster::InCluster,
    kubeconfig::{KubeconfigError, LocalKubeconfig},
    objects::Address,
};
pub use super::http_client::Trust;

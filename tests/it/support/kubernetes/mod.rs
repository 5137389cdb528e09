//! A real Kubernetes API server with its etcd, started once for all tests of a run.
//!
//! ```text
//! let cluster = Cluster::shared().await;              // starts it, or takes the one that runs
//! let namespace = cluster.namespace("orders").await;  // a name nobody else has
//!
//! let kind = cluster.promise("Database").await;       // a Promise and its CRD, in an API group of its own
//! let path = kind.object_path(&namespace, "mine");
//! cluster.api().create(&kind.path(&namespace), &kind.request("mine", json!({"size": "small"}))).await.ok();
//! let object = cluster.api().get(&path).await.ok();
//!
//! let token = cluster.issuer().token("jane", &["team-a"]);           // an OIDC access token of `oidc:jane`
//! let jane = Subject::oidc_user("jane");
//! cluster.allow(&jane, &Rule::on(&kind.group, &[&kind.plural]).verbs(&["get"]).within(&namespace)).await;
//! let account = cluster.service_account(&namespace, "portal").await; // and cluster.token(&account)
//! cluster.bearer(&token).get(&path).await.ok();                      // what the server says to her
//!
//! let kratix = Kratix::of(&cluster, &kind, &namespace);
//! kratix.adopt("mine").await;                         // one step; or kratix.run() for a free-running one
//! cluster.audit().settled(&namespace, |entries| entries.len() >= 3).await;
//! ```
//!
//! For app-config: `cluster.url()`, `cluster.ca_data()`, `cluster.ca_file()`; for a kubeconfig besides:
//! `cluster.client_certificate("jane", &["team-a"])`; as a pod has it: `cluster.mounted(&account).await`. A test that
//! stops, halts or restarts the server takes one of its own: `Cluster::own().await`.

pub(crate) mod access;
mod api;
pub(crate) mod audit;
mod binaries;
mod certificates;
mod cluster;
pub(crate) mod issuer;
mod kinds;
pub(crate) mod kratix;
pub(crate) mod mounted;
mod rbac;
mod server;

pub(crate) use api::{Answer, Api};
pub(crate) use cluster::Cluster;
pub(crate) use issuer::CLIENT_ID;
pub(crate) use kinds::RequestKind;
pub(crate) use kratix::{Kratix, Step};
pub(crate) use rbac::{Rule, Subject};
pub(crate) use server::free_ports;

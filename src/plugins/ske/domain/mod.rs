//! The rules of SKE and Kratix objects: pure, with no cluster, repository or HTTP in sight.

mod allow;
#[cfg(test)]
mod allow_tests;
mod catalog_file;
mod concern;
mod exact_json;
mod gitops_owner;
mod holds;
mod impersonation;
#[cfg(test)]
mod impersonation_tests;
mod manifest;
#[cfg(test)]
mod manifest_tests;
mod object_ref;
#[cfg(test)]
mod object_ref_tests;
mod reconciliation;
mod request;
mod scope;
mod substitution;
mod template;
mod user_ref;
mod writable;

pub(super) use allow::{Access, Allow, AllowRule, NotAllowed, Operation, Promises, Touched};
pub(super) use catalog_file::{CatalogDocument, catalog_message};
pub(super) use concern::{Concern, concern_of};
pub(super) use exact_json::json_of;
pub(super) use gitops_owner::gitops_warning;
pub(super) use impersonation::{
    ClusterUser, Impersonation, Known, NotImpersonated, UsernameFrom, check_cluster_name,
};
pub(super) use manifest::{Manifest, SERVER_OWNED, TextOrObject};
pub(super) use object_ref::{DEFAULT_NAMESPACE, Invalid, ObjectRef};
pub(super) use reconciliation::{Reconciliation, State, state_of, state_of_request};
pub(super) use request::{Intent, Request, file_of};
pub(super) use scope::is_cluster_scoped;
pub(super) use template::{Field, Template};
pub(super) use user_ref::UserRef;
pub(super) use writable::Writable;

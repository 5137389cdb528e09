//! The plugin `ske` from the portal's request to a real API server and back.

mod check;
mod clusters;
mod configure;
mod conflicts;
mod delete;
mod discovery;
mod documented_rights;
mod doubt;
mod faults;
mod guard;
mod identity;
mod in_cluster;
mod input;
mod kubeconfig;
mod kubernetes;
mod modes;
mod outages;
mod permissions;
mod place;
mod portal;
mod promises;
mod reload;
mod resource;
mod secrecy;
mod silence;
mod state;

//! `ske.mode: gitops`: objects are read from a repository and written to it, and there is no cluster.

mod app_credentials;
mod check;
mod configuration;
mod consumers;
mod crowd;
mod deleting;
mod documents;
mod exact;
mod guard;
mod history;
mod input;
mod killed;
mod kinds;
mod kubectl;
mod outages;
pub(super) mod place;
mod process;
mod reading;
mod repository;
mod sealed;
mod secrecy;
mod writing;

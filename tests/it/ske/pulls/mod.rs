//! Writing to repositories of code hosts: pull requests, catalog files, and where no credential ever goes.

mod attackers;
mod catalog;
mod catalog_places;
mod check;
mod faults;
mod offered;
pub(in crate::ske) mod portal;
mod quick_actions;
mod recording;
mod requests;
mod reuse;

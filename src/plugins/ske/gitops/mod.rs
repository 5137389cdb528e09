//! A repository of objects, apart from Git: which files count, what stands where, and how one document is changed
//! without touching its neighbours. Bytes and paths in, bytes and paths out.

mod characters;
mod committed;
mod documents;
mod identity;
mod index;
mod layout;
mod mentions;
mod promised;
mod scan;
mod sealed;
mod segments;
mod selection;
mod write;
#[cfg(test)]
mod write_tests;

pub(super) use committed::{cleaned, desired};
pub(super) use documents::Trouble;
pub(super) use identity::Identity;
pub(super) use index::{Change, Found, Index, Place};
pub(super) use layout::{KEEP_FILE, Layout, place};
pub(super) use scan::{Scanned, object_at, scan, too_large};
pub(super) use sealed::{head_of, sealed_file};
pub(super) use selection::{MAX_FILE, Selection};
pub(super) use write::{Edited, Refused, create, remove, replace};

//! Which objects have recorded requests, so that the read of any other costs nothing.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use parking_lot::RwLock;

use super::{request::PendingRequest, store::Fingerprint};
use crate::plugins::ske::domain::ObjectRef;

/// Hashes of what is recorded, as of the last look at the table. One too many costs a query; one too few is made up for
/// by the next round.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<Seen>);

#[derive(Debug, Default)]
struct Seen {
    as_of: Option<Fingerprint>,
    objects: HashSet<u64>,
}

impl Known {
    /// Whether there may be a request about the object.
    pub(super) fn may_have(&self, object: &ObjectRef) -> bool {
        let (group, kind) = (object.api_version.group(), object.kind.as_str());
        let key = key(&[group, kind, object.namespace.as_str(), object.name.as_str()]);
        self.0.read().objects.contains(&key)
    }

    /// Adds what has just been recorded.
    pub(super) fn add(&self, request: &PendingRequest) {
        self.0.write().objects.insert(key_of(request));
    }

    /// Whether the table is as it was when it was last read.
    pub(super) fn is_as_of(&self, fingerprint: Fingerprint) -> bool {
        self.0.read().as_of == Some(fingerprint)
    }

    /// Replaces everything.
    pub(super) fn replace(&self, fingerprint: Fingerprint, objects: HashSet<u64>) {
        *self.0.write() = Seen {
            as_of: Some(fingerprint),
            objects,
        };
    }
}

/// The hash of a request's object.
pub(super) fn key_of(request: &PendingRequest) -> u64 {
    key(&[&request.group, &request.kind, &request.namespace, &request.name])
}

fn key(parts: &[&str; 4]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

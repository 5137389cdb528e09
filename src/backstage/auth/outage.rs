//! Says once that a key document cannot be used, and once that it can again.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};
use url::Url;

/// Of one document.
#[derive(Debug)]
pub(super) struct Outage {
    /// The configuration key that says where it is.
    key: String,
    address: String,
    told: AtomicBool,
}

impl Outage {
    /// All is well with the document, as far as we know.
    pub(super) fn of(key: &str, url: &Url) -> Self {
        Self {
            key: key.to_owned(),
            address: shown(url),
            told: AtomicBool::new(false),
        }
    }

    /// Tells of it, unless it was told.
    pub(super) fn begins(&self, reason: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let (key, address) = (&*self.key, &*self.address);
            warn!(
                key,
                address,
                reason,
                "The keys at {address} ({key}) cannot be used: {reason}. Tokens signed with them are refused, at the latest ten \
                 minutes after keys were last had"
            );
        }
    }

    /// Tells of its end, if it was told.
    pub(super) fn is_over(&self) {
        if self.told.swap(false, Ordering::Relaxed) {
            let (key, address) = (&*self.key, &*self.address);
            info!(key, address, "The keys at {address} ({key}) can be used again");
        }
    }
}

/// An address without anything that might be a credential.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

//! Known secrets never reach a log line: each occurrence becomes `***`.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use indexmap::IndexSet;
use parking_lot::Mutex;

use crate::config::Masks;

const MASK: &[u8] = b"***";

/// Secrets that are remembered: a few reloads of the largest configuration. A credential rotated every minute must not
/// grow the search without end.
const REMEMBERED: usize = 5_000;

/// The secrets known so far. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Redaction(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    masks: ArcSwapOption<Masks>,
    /// Oldest first.
    secrets: Mutex<IndexSet<String>>,
}

impl Redaction {
    /// Adds secrets; those before stay, since calls under way may still quote them. Returns false, and changes nothing,
    /// when there are too many to search for.
    pub(super) fn add(&self, secrets: &[String]) -> bool {
        let mut known = self.0.secrets.lock();
        let mut all = known.clone();
        for secret in secrets {
            all.shift_remove(secret);
            all.insert(secret.clone());
        }
        let too_many = all.len().saturating_sub(REMEMBERED.max(secrets.len()));
        all.drain(..too_many);
        let Some(masks) = Masks::of(all.iter().map(String::as_str)) else {
            return false;
        };
        self.0.masks.store(Some(Arc::new(masks)));
        *known = all;
        true
    }

    /// Returns the masked line, or `None` when there is nothing to mask.
    pub(super) fn masked(&self, line: &[u8]) -> Option<Vec<u8>> {
        let masks = self.0.masks.load();
        masks.as_ref()?.masked(line, MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(redaction: &Redaction, secrets: impl IntoIterator<Item = String>) {
        assert!(redaction.add(&secrets.into_iter().collect::<Vec<_>>()));
    }

    #[test]
    fn secrets_of_before_a_reload_stay_masked() {
        let redaction = Redaction::default();
        let other = redaction.clone();
        assert!(redaction.masked(b"old new").is_none());
        add(&other, ["old".to_owned()]);
        assert_eq!(redaction.masked(b"old new").unwrap(), b"*** new");
        add(&other, ["new".to_owned()]);
        assert_eq!(redaction.masked(b"old new").unwrap(), b"*** ***");
        add(&other, []);
        assert_eq!(redaction.masked(b"old new").unwrap(), b"*** ***");
    }

    #[test]
    fn the_oldest_go_when_there_are_very_many() {
        let redaction = Redaction::default();
        add(&redaction, ["oldest-of-all".to_owned()]);
        add(
            &redaction,
            (1..REMEMBERED).map(|number| format!("secret-number-{number}")),
        );
        assert!(redaction.masked(b"oldest-of-all").is_some());
        add(&redaction, ["one-more-secret".to_owned()]);
        assert!(redaction.masked(b"oldest-of-all").is_none());
        assert!(redaction.masked(b"one-more-secret").is_some());
    }
}

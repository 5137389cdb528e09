//! Known secrets never reach a log line: each occurrence becomes `***`.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use arc_swap::ArcSwapOption;

const MASK: &[u8] = b"***";

/// Shorter values are not secrets, and masking single letters would make every line unreadable (Backstage's rule).
const SHORTEST_SECRET: usize = 2;

/// The secrets now known. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Redaction(Arc<ArcSwapOption<AhoCorasick>>);

impl Redaction {
    /// Replaces the secrets. Returns false, and keeps the old ones, when there are too many to search for.
    pub(super) fn set(&self, secrets: &[String]) -> bool {
        let patterns = patterns(secrets);
        if patterns.is_empty() {
            self.0.store(None);
            return true;
        }
        // The longest first, so that a secret within another does not leave the rest of it readable.
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns);
        built.map(|search| self.0.store(Some(Arc::new(search)))).is_ok()
    }

    /// Returns the masked line, or `None` when there is nothing to mask.
    pub(super) fn masked(&self, line: &[u8]) -> Option<Vec<u8>> {
        let search = self.0.load();
        let search = search.as_ref()?;
        search.find(line)?;
        let mut masked = Vec::with_capacity(line.len());
        search.replace_all_with_bytes(line, &mut masked, |_, _, masked| {
            masked.extend_from_slice(MASK);
            true
        });
        Some(masked)
    }
}

/// Each secret as it is and as JSON writes it.
fn patterns(secrets: &[String]) -> Vec<String> {
    let mut patterns = Vec::new();
    for secret in secrets.iter().map(|secret| secret.trim()) {
        if secret.chars().count() < SHORTEST_SECRET {
            continue;
        }
        if let Ok(json) = serde_json::to_string(secret) {
            let escaped = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
            if escaped != secret && !escaped.is_empty() {
                patterns.push(escaped.to_owned());
            }
        }
        patterns.push(secret.to_owned());
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], line: &str) -> String {
        let redaction = Redaction::default();
        assert!(
            redaction.set(
                &secrets
                    .iter()
                    .map(|secret| (*secret).to_owned())
                    .collect::<Vec<_>>()
            )
        );
        let masked = redaction.masked(line.as_bytes());
        masked.map_or_else(|| line.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_occurrence_is_masked_and_the_longest_secret_wins() {
        assert_eq!(masked(&["hush"], "a hush, hush!"), "a ***, ***!");
        assert_eq!(masked(&["hush", "hush-hush"], "x hush-hush y"), "x *** y");
        assert_eq!(masked(&[" hush\n"], "hush"), "***");
    }

    #[test]
    fn secrets_are_found_in_the_form_json_gives_them() {
        assert_eq!(
            masked(&["a\"b\nc"], r#"{"message":"a\"b\nc"}"#),
            r#"{"message":"***"}"#
        );
    }

    #[test]
    fn empty_and_single_letter_values_are_not_secrets() {
        assert_eq!(masked(&["", " ", "a"], "a b a"), "a b a");
    }

    #[test]
    fn the_set_can_be_replaced_while_lines_are_written() {
        let redaction = Redaction::default();
        let other = redaction.clone();
        assert!(redaction.masked(b"old new").is_none());
        other.set(&["old".to_owned()]);
        assert_eq!(redaction.masked(b"old new").unwrap(), b"*** new");
        other.set(&["new".to_owned()]);
        assert_eq!(redaction.masked(b"old new").unwrap(), b"old ***");
        other.set(&[]);
        assert!(redaction.masked(b"old new").is_none());
    }
}

//! Known secrets, searched for in texts that are about to be shown.

use std::ops::Range;

use aho_corasick::AhoCorasick;

/// Shorter secrets are words such as `dev`: they are masked only where they stand alone, or they would blot out parts of
/// ordinary words everywhere. Backstage accepts no static token below this length either.
pub const WHOLE_WORD_BELOW: usize = 8;

/// A single letter is no secret worth losing every line for (Backstage's rule).
const SHORTEST: usize = 2;

/// Fewer digits are ports, statuses and years' halves.
const SHORTEST_NUMBER: usize = 4;

/// Short words that lines of the log are made of; masking them would take the log apart and hide nothing.
const OUR_WORDS: &[&str] = &[
    "actor", "audit", "call", "debug", "delete", "DELETE", "error", "false", "get", "GET", "HEAD", "http",
    "https", "info", "level", "message", "meta", "method", "null", "on", "off", "PATCH", "plugin", "POST",
    "PUT", "request", "service", "silly", "ske", "status", "true", "type", "url", "warn", "yes", "no",
];

/// A search for all of some secrets at once.
#[derive(Debug)]
pub struct Masks {
    search: AhoCorasick,
    /// By pattern: whether it counts only where it stands alone.
    alone: Vec<bool>,
}

impl Masks {
    /// Prepares the search. `None` when there are too many to search for.
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Option<Self> {
        let (mut patterns, mut alone) = (Vec::new(), Vec::new());
        for secret in secrets
            .into_iter()
            .map(str::trim)
            .filter(|secret| is_worth_it(secret))
        {
            let is_short = secret.chars().count() < WHOLE_WORD_BELOW;
            for form in [Some(secret.to_owned()), as_json(secret)].into_iter().flatten() {
                patterns.push(form);
                alone.push(is_short);
            }
        }
        let search = AhoCorasick::new(&patterns).ok()?;
        Some(Self { search, alone })
    }

    /// Returns the text with `mask` in place of each secret, or `None` when there is none in it.
    pub fn masked(&self, text: &[u8], mask: &[u8]) -> Option<Vec<u8>> {
        let found = self.found(text);
        let mut rest = 0;
        let mut masked = Vec::with_capacity(text.len());
        for part in &found {
            masked.extend_from_slice(text.get(rest..part.start).unwrap_or_default());
            masked.extend_from_slice(mask);
            rest = part.end;
        }
        masked.extend_from_slice(text.get(rest..).unwrap_or_default());
        (!found.is_empty()).then_some(masked)
    }

    /// The same for a text.
    pub fn masked_text(&self, text: &str, mask: &str) -> String {
        let masked = self.masked(text.as_bytes(), mask.as_bytes());
        masked.map_or_else(
            || text.to_owned(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Where secrets stand, in order; those that overlap are one.
    fn found(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for each in self.search.find_overlapping_iter(text) {
            let is_short = self
                .alone
                .get(each.pattern().as_usize())
                .is_some_and(|alone| *alone);
            if !is_short || stands_alone(text, &each.range()) {
                found.push(each.range());
            }
        }
        found.sort_by_key(|part| part.start);
        found.dedup_by(|next, last| {
            let overlap = next.start < last.end;
            if overlap {
                last.end = last.end.max(next.end);
            }
            overlap
        });
        found
    }
}

fn is_worth_it(secret: &str) -> bool {
    let length = secret.chars().count();
    let is_number = secret.bytes().all(|byte| byte.is_ascii_digit());
    length >= if is_number { SHORTEST_NUMBER } else { SHORTEST } && !OUR_WORDS.contains(&secret)
}

/// The secret as JSON writes it, where that differs.
fn as_json(secret: &str) -> Option<String> {
    let json = serde_json::to_string(secret).ok()?;
    let escaped = json.strip_prefix('"')?.strip_suffix('"')?;
    (escaped != secret).then(|| escaped.to_owned())
}

/// Whether no letter, digit, `-` or `_` touches the place; an escape such as `\n` before it does not.
fn stands_alone(text: &[u8], place: &Range<usize>) -> bool {
    let at = |index: usize| text.get(index).copied();
    let joins = |inner: Option<u8>, outer: Option<u8>| {
        inner.is_some_and(is_word_byte) && outer.is_some_and(is_word_byte)
    };
    let before = place.start.checked_sub(1).and_then(at);
    let escaped = place.start.checked_sub(2).and_then(at) == Some(b'\\');
    let is_literal = before == Some(b':') && matches!(at(place.end), Some(b',' | b'}'));
    let is_number = text
        .get(place.clone())
        .is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let begins = escaped || !joins(at(place.start), before);
    begins && !joins(at(place.end - 1), at(place.end)) && !(is_number && is_literal)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], line: &str) -> String {
        Masks::of(secrets.iter().copied())
            .unwrap()
            .masked_text(line, "***")
    }

    #[test]
    fn every_occurrence_is_masked_and_overlaps_leave_nothing() {
        assert_eq!(masked(&["hush-hush"], "a hush-hush, hush-hush!"), "a ***, ***!");
        assert_eq!(masked(&["abcdefgh", "efghijkl"], "xabcdefghijkly"), "x***y");
        assert_eq!(masked(&[" hush-hush\n"], "hush-hush"), "***");
        assert_eq!(masked(&["abc", "bcdefghijk"], "abcdefghijk"), "a***");
    }

    #[test]
    fn secrets_are_found_in_the_form_json_gives_them() {
        assert_eq!(
            masked(&["a\"b\nc"], r#"{"message":"a\"b\nc"}"#),
            r#"{"message":"***"}"#
        );
        assert_eq!(
            masked(&["hush"], r#"{"message":"x\nhush"}"#),
            r#"{"message":"x\n***"}"#
        );
    }

    #[test]
    fn short_secrets_are_masked_where_they_stand_alone() {
        for (secret, line, expected) in [
            (
                "dev",
                "password dev, devices, my-dev",
                "password ***, devices, my-dev",
            ),
            ("s3cr", "u:s3cr@h", "u:***@h"),
            ("!x!", "a!x!b", "a***b"),
            ("info", r#"{"level":"info"}"#, r#"{"level":"info"}"#),
            ("200", r#""status":200,"#, r#""status":200,"#),
            ("4321", r#"pin 4321, "bytes":4321,"#, r#"pin ***, "bytes":4321,"#),
            ("2026", "2026-12-01T10:00:00", "2026-12-01T10:00:00"),
            ("a", "a b a", "a b a"),
            ("", "a b a", "a b a"),
        ] {
            assert_eq!(masked(&[secret], line), expected, "{secret}");
        }
    }
}

//! Text that came from Spacelift, before it goes into a sentence of ours.

use secrecy::{ExposeSecret, SecretString};

/// Longest text of Spacelift's that we pass on, in characters: a banner in the portal holds no more.
const MAX_TEXT: usize = 300;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// Puts a foreign text on one line of bounded length.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(MAX_TEXT)
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        short.push('…');
    }
    short
}

/// Shortens a text in which our secrets must not be repeated, should a server quote what we sent.
pub(super) fn redact(text: &str, secrets: &[&SecretString]) -> String {
    let mut secrets: Vec<_> = secrets.iter().map(|secret| secret.expose_secret()).collect();
    // Longest first: a secret that begins with another must not leave its rest behind.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let known = secrets.into_iter().filter(|secret| !secret.is_empty());
    shorten(&known.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED)))
}

/// Fewest characters that a word of Spacelift's and a secret have in common by accident.
const COMMON: usize = 8;

/// From this length on a word with a digit in it may be a secret in another spelling, such as base64.
const OPAQUE: usize = 20;

/// As `redact`, for the answer to a login: there a secret may be quoted in part or in whatever spelling.
pub(super) fn redact_strictly(text: &str, secrets: &[&SecretString]) -> String {
    let secrets_lower: Vec<_> = secrets
        .iter()
        .map(|secret| secret.expose_secret().to_lowercase())
        .collect();
    let is_suspect = |word: &str| {
        let opaque = word.chars().count() >= OPAQUE && word.contains(|each: char| each.is_ascii_digit());
        opaque
            || secrets_lower
                .iter()
                .any(|secret| have_in_common(&word.to_lowercase(), secret))
    };
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end();
        let rest = word.strip_prefix(bare).unwrap_or_default();
        if is_suspect(bare) {
            format!("{REDACTED}{rest}")
        } else {
            word.to_owned()
        }
    });
    redact(&words.collect::<String>(), secrets)
}

fn have_in_common(word: &str, secret: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    let mut parts = letters.windows(COMMON);
    parts.any(|part| word.contains(&part.iter().collect::<String>()))
}

/// What Spacelift said, for the log alone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Spacelift said: {0}")]
pub(super) struct Said(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_secret_is_replaced_before_the_text_is_cut() {
        let secret = SecretString::from("hunter2");
        assert_eq!(
            redact("bad secret hunter2!", &[&secret]),
            "bad secret [redacted]!"
        );
        let long = format!("{}hunter2", "x".repeat(MAX_TEXT - 3));
        assert!(!redact(&long, &[&secret]).contains("hun"));
    }

    #[test]
    fn a_secret_that_begins_with_another_leaves_nothing_behind() {
        let (short, long) = (SecretString::from("key"), SecretString::from("key-and-more"));
        assert_eq!(redact("no key-and-more", &[&short, &long]), "no [redacted]");
    }

    #[test]
    fn a_refused_login_leaves_its_reason_and_no_trace_of_the_secret() {
        let secret = SecretString::from("hunter2-and-More9");
        for (said, told) in [
            ("invalid secret for this key", "invalid secret for this key"),
            ("bad secret hunter2-and-More9!", "bad secret [redacted]"),
            ("bad secret 'HUNTER2-AND-...'", "bad secret [redacted]"),
            ("tail is ...and-more9\nindeed", "tail is [redacted] indeed"),
            ("got aHVudGVyMi1hbmQtTW9yZTk=", "got [redacted]"),
            (
                "Cannot query field \"validUntil\" on type \"User\".",
                "Cannot query field \"validUntil\" on type \"User\".",
            ),
        ] {
            assert_eq!(redact_strictly(said, &[&secret]), told);
        }
        assert_eq!(redact_strictly("no key", &[&SecretString::from("")]), "no key");
    }

    #[test]
    fn a_foreign_text_becomes_one_short_line() {
        assert_eq!(shorten("a\r\nb"), "a  b");
        assert_eq!(shorten(&"é".repeat(400)).chars().count(), MAX_TEXT + 1);
    }
}

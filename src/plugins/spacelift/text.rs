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
    fn a_foreign_text_becomes_one_short_line() {
        assert_eq!(shorten("a\r\nb"), "a  b");
        assert_eq!(shorten(&"é".repeat(400)).chars().count(), MAX_TEXT + 1);
    }
}

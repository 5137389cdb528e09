//! Lines for the person at the terminal, without secrets; a closed pipe is not an error.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::OnceLock,
};

use crate::config::Masks;

/// What stands in the place of a secret; the log's word.
const MASK: &str = "***";

static MASKS: OnceLock<Masks> = OnceLock::new();

/// Masks these values in every line from now on.
pub(super) fn mask(secrets: &[String]) {
    if let Some(masks) = Masks::of(secrets.iter().map(String::as_str)) {
        // A command reads one configuration.
        let _ = MASKS.set(masks);
    }
}

/// Writes a line to standard output.
pub(super) fn line(text: &str) {
    verbatim(&masked(text));
}

/// Writes what was asked for as it is.
pub(super) fn verbatim(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line to standard error.
pub(super) fn error_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", masked(text));
}

fn masked(text: &str) -> Cow<'_, str> {
    match MASKS.get() {
        Some(masks) => Cow::Owned(masks.masked_text(text, MASK)),
        None => Cow::Borrowed(text),
    }
}

//! Lines for the person at the terminal; a closed pipe is not an error.

use std::io::{self, Write};

/// Writes a line to standard output.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line to standard error.
pub(super) fn error_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

//! Panics become log lines, masked like all others, instead of text on standard error.

use std::panic::{self, PanicHookInfo};

use tracing::error;

/// Logs every panic of the process, with its place in the code.
pub(super) fn log_from_now_on() {
    panic::set_hook(Box::new(log));
}

pub(super) fn log(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("without a message");
    let place = panic.location().map(ToString::to_string);
    error!(
        location = place.as_deref(),
        "A defect of Stagedoor, please report it: panicked with {text}"
    );
}

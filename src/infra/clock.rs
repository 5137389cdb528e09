//! The wall clock: as tokens are dated, and as log lines write it, cheap enough to ask for every request.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

/// `2026-11-21T22:04:33.` without the milliseconds.
const SECOND_LENGTH: usize = 20;

thread_local! {
    /// The second last written by this thread, and its text.
    static LAST_SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// The time now in whole seconds since 1970, as tokens are dated.
pub fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Appends the time now as JavaScript's `toISOString` writes it: `2026-11-21T22:04:33.123Z`.
pub fn push_iso_now(text: &mut String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    push_iso(text, now.as_secs(), now.subsec_millis());
}

fn push_iso(text: &mut String, seconds: u64, milliseconds: u32) {
    LAST_SECOND.with_borrow_mut(|(second, written)| {
        if *second != seconds {
            *second = seconds;
            *written = whole_second(seconds);
        }
        text.push_str(written);
    });
    for divisor in [100, 10, 1] {
        let digit = (milliseconds / divisor % 10) as u8;
        text.push(char::from(b'0' + digit));
    }
    text.push('Z');
}

fn whole_second(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let mut text = jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string();
    text.truncate(SECOND_LENGTH - 1);
    text.push('.');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(seconds: u64, milliseconds: u32) -> String {
        let mut text = String::new();
        push_iso(&mut text, seconds, milliseconds);
        text
    }

    #[test]
    fn a_time_is_written_as_javascript_does() {
        assert_eq!(iso(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_795_298_673, 7), "2026-11-21T22:04:33.007Z");
        assert_eq!(iso(1_795_298_673, 999), "2026-11-21T22:04:33.999Z");
        assert_eq!(iso(1_795_298_674, 10), "2026-11-21T22:04:34.010Z");
        assert!(iso(u64::MAX, 0).ends_with(".000Z"));
    }
}

//! Level names as Backstage spells them, beside the levels of our own events.

use tracing::{Level, level_filters::LevelFilter};

/// Returns what a configured name lets through. As in Backstage a name that is not known lets everything through.
pub(super) fn filter(name: &str) -> LevelFilter {
    match name {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        // We have no events between info and debug.
        "info" | "http" | "verbose" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Returns the name an event's level is written with.
pub(super) fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "silly",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backstages_names_are_understood_and_others_let_everything_through() {
        for (name, expected) in [
            ("error", LevelFilter::ERROR),
            ("warn", LevelFilter::WARN),
            ("info", LevelFilter::INFO),
            ("http", LevelFilter::INFO),
            ("verbose", LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG),
            ("silly", LevelFilter::TRACE),
            ("INFO", LevelFilter::TRACE),
            ("loud", LevelFilter::TRACE),
        ] {
            assert_eq!(filter(name), expected, "{name}");
        }
    }
}

//! Collects what is wrong, and what is only worth saying, instead of stopping at the first.

use crate::config::ConfigError;

/// Errors refuse the start; notices are said once and change nothing.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: Vec<ConfigError>,
    notices: Vec<String>,
}

impl Problems {
    /// Keeps the error of a value that could not be read.
    pub(super) fn of<T>(&mut self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|problem| self.errors.push(problem)).ok()
    }

    /// Adds an error about a key.
    pub(super) fn refuse(&mut self, key: &str, what: &str) {
        self.errors.push(invalid(key, what));
    }

    /// Adds a notice.
    pub(super) fn notice(&mut self, text: impl Into<String>) {
        self.notices.push(text.into());
    }

    /// Whether nothing is wrong; notices do not count.
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The errors.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// The notices.
    pub(super) fn into_notices(self) -> Vec<String> {
        self.notices
    }
}

/// An error about the value of a key; `what` completes the sentence that begins with the key.
pub(super) fn invalid(key: &str, what: &str) -> ConfigError {
    ConfigError::new(format!("Invalid config value: '{key}' {what}"))
}

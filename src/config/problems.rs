//! Collects what is wrong, and what is only worth saying, instead of stopping at the first.

use super::error::ConfigError;

/// Errors refuse the start; notices are said once and change nothing.
#[derive(Debug, Default)]
pub struct Problems {
    errors: Vec<ConfigError>,
    notices: Vec<String>,
}

impl Problems {
    /// Keeps the error of a value that could not be read.
    pub fn of<T>(&mut self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|problem| self.errors.push(problem)).ok()
    }

    /// Adds an error about a key.
    pub fn refuse(&mut self, key: &str, what: &str) {
        self.errors.push(ConfigError::invalid(key, what));
    }

    /// Adds a notice, once however often it is found.
    pub fn notice(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notices.contains(&text) {
            self.notices.push(text);
        }
    }

    /// Whether nothing is wrong; notices do not count.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The errors.
    pub fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// The notices.
    pub fn into_notices(self) -> Vec<String> {
        self.notices
    }
}

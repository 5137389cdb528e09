//! What was wrong with the configuration: the key path and the file, never the value.

/// One problem in the configuration, in words a person can act on.
///
/// The message follows Backstage's own wording where Backstage has one. It names keys, files and variables and
/// never carries a value, because any value may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    message: String,
    class: Class,
}

/// The JavaScript class of the reference's error; some messages quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Error,
    TypeError,
}

impl ConfigError {
    /// Wraps a message; the caller vouches that it holds no configuration value.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            class: Class::Error,
        }
    }

    /// An error about the value of a key; `what` completes the sentence that begins with the key.
    pub fn invalid(key: &str, what: &str) -> Self {
        Self::new(format!("Invalid config value: '{key}' {what}"))
    }

    /// Wraps a message that the reference throws as a `TypeError`.
    pub(super) fn of_type(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            class: Class::TypeError,
        }
    }

    /// The message behind its class, as JavaScript prints an error inside another message.
    pub(super) fn with_class(&self) -> String {
        match self.class {
            Class::Error => format!("Error: {}", self.message),
            Class::TypeError => format!("TypeError: {}", self.message),
        }
    }
}

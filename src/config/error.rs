//! What was wrong with the configuration: the key path and the file, never the value.

/// One problem in the configuration, in words a person can act on.
///
/// The message follows Backstage's own wording where Backstage has one. It names keys, files and variables and
/// never carries a value, because any value may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    message: String,
}

impl ConfigError {
    /// Wraps a message; the caller vouches that it holds no configuration value.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

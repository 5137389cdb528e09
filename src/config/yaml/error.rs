//! Why a text is not the YAML we expect, and where.

use granit_parser::ScanError;

/// A syntax error. The message names a place, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    message: String,
    /// Line and column, both counted from one.
    place: Option<(usize, usize)>,
}

impl std::fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Some((line, column)) => write!(formatter, "{} at line {line}, column {column}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

impl YamlError {
    /// The line, counted from one, where it is known.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|(line, _)| line)
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn new(message: &str, place: Option<(usize, usize)>) -> Self {
        Self {
            message: message.to_owned(),
            place,
        }
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        let marker = error.marker();
        Self::new(&error.info(), Some((marker.line(), marker.col() + 1)))
    }
}

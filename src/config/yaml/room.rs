//! How much a text may stand for, whatever its length: a short one could otherwise become a huge value.

use super::YamlError;

/// What a value takes, about; as many bytes of text count as one more.
const VALUE_BYTES: usize = 100;

/// Of a caller's text, which has at most 100 kB: one of manifests has some 30 bytes for each value.
const CALLERS: usize = 10_000;

/// Of one file of a repository, which has at most 4 MiB.
const FILES: usize = 500_000;

/// Of a text of the operator's, or of our own.
const OURS: usize = 1_000_000;

/// The values that may still be made of a text, those that aliases copy included.
#[derive(Debug)]
pub struct Room {
    left: usize,
    whole: usize,
}

impl Room {
    /// For a text that a caller sent.
    pub fn of_caller() -> Self {
        Self::of(CALLERS)
    }

    /// For one file of a repository.
    pub fn of_file() -> Self {
        Self::of(FILES)
    }

    /// For a text whose author is trusted.
    pub fn of_operator() -> Self {
        Self::of(OURS)
    }

    fn of(whole: usize) -> Self {
        Self { left: whole, whole }
    }

    /// Whether everything was taken that there was.
    pub fn is_used_up(&self) -> bool {
        self.left == 0
    }

    /// Takes so many values before they are made.
    pub(super) fn take(&mut self, values: usize) -> Result<(), YamlError> {
        match self.left.checked_sub(values) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                let whole = self.whole;
                let message =
                    format!("With its aliases it stands for more than {whole} values, which is too much");
                Err(YamlError::new(&message, None))
            }
        }
    }
}

/// How many values the text of one counts for, besides itself.
pub(super) fn weight(text: &str) -> usize {
    text.len() / VALUE_BYTES
}

//! Answers are read up to a limit, since whoever sends them decides how long they are.

use reqwest::Response;

/// Why an answer was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is longer than the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// Reads an answer of at most so many bytes.
///
/// # Errors
/// It is longer, or breaks off.
pub async fn read_at_most(limit: usize, mut response: Response) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(ReadError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

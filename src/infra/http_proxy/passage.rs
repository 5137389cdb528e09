//! Which Stagedoors a request has passed, so that one that comes back is not sent round and round.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::error::ProxyError;

/// The header that names them. On a question for our health it asks who answers.
pub const PASSED: HeaderName = HeaderName::from_static("x-forwarded-stagedoor");

/// More of us than stand in a row by intention; of several that serve one address, a request may meet each.
const MOST: usize = 16;

/// How long a mark is: a UUID without its dashes.
const MARK_LENGTH: usize = 32;

/// The mark of one process, which nobody else has.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    name: String,
    /// What is said of a request that passed nobody before, as nearly all do.
    alone: HeaderValue,
}

impl Mark {
    pub(super) fn new() -> Self {
        let name = Uuid::new_v4().simple().to_string();
        // Digits are fit for a header.
        let alone = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static(""));
        Self { name, alone }
    }

    /// Returns what is to be said of who was passed, ourselves included. Marks count whoever sends them: they say nothing
    /// about the caller, and only a request that came by here can have ours.
    ///
    /// # Errors
    /// The request was here before, or went on for so long that it must be going round.
    pub(super) fn after(&self, headers: &HeaderMap) -> Result<HeaderValue, ProxyError> {
        if !headers.contains_key(PASSED) {
            return Ok(self.alone.clone());
        }
        let lines = headers.get_all(PASSED).into_iter();
        let named = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(str::trim);
        let mut passed: Vec<&str> = named.filter(|name| is_mark(name)).collect();
        if passed.len() >= MOST || passed.contains(&self.name.as_str()) {
            return Err(ProxyError::Circle);
        }
        passed.push(&self.name);
        HeaderValue::from_str(&passed.join(", ")).map_err(|_| ProxyError::Circle)
    }
}

fn is_mark(text: &str) -> bool {
    text.len() == MARK_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lines: &[&HeaderValue]) -> HeaderMap {
        lines.iter().map(|line| (PASSED, (*line).clone())).collect()
    }

    #[test]
    fn a_request_that_comes_back_is_known_however_many_others_it_passed_since() {
        let (one, other) = (Mark::new(), Mark::new());
        let first = one.after(&HeaderMap::new()).unwrap();
        assert_eq!(first.to_str().unwrap(), one.name);
        let second = other.after(&sent(&[&first])).unwrap();
        assert_eq!(second.to_str().unwrap(), format!("{}, {}", one.name, other.name));
        assert!(matches!(one.after(&sent(&[&second])), Err(ProxyError::Circle)));
        let theirs = other.after(&HeaderMap::new()).unwrap();
        assert!(matches!(
            one.after(&sent(&[&theirs, &first])),
            Err(ProxyError::Circle)
        ));
    }

    #[test]
    fn nothing_but_marks_is_passed_on_and_not_more_than_a_few() {
        let mark = Mark::new();
        let odd = HeaderValue::from_static("evil.test, 1, 0123456789abcdef0123456789abcdeg");
        assert_eq!(mark.after(&sent(&[&odd])).unwrap().to_str().unwrap(), mark.name);
        let many = vec!["0123456789abcdef0123456789abcdef"; MOST].join(",");
        let many = HeaderValue::from_str(&many).unwrap();
        assert!(matches!(mark.after(&sent(&[&many])), Err(ProxyError::Circle)));
    }
}

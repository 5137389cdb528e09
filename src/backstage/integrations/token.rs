//! An installation's access token, and how long it is used.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A token is renewed this long before its end: after 50 of its 60 minutes, as Backstage does. A push that begins with
/// it still ends with it, and an outage of GitHub's API shorter than this goes unnoticed.
const RENEW_EARLY: Duration = Duration::from_secs(600);

/// Shortest time a token is used, so that a clock that is off does not ask for one with every push.
const MIN_LIFE: Duration = Duration::from_secs(30);

/// Longest time it is used; GitHub gives an hour.
const MAX_LIFE: Duration = Duration::from_secs(3600);

/// What opening a pull request takes, as GitHub names it and as a person does.
const NEEDED: [(&str, &str); 2] = [("contents", "contents"), ("pull_requests", "pull requests")];

/// A token and how long it is good for from now on.
#[derive(Debug, Clone)]
pub(super) struct AccessToken {
    pub(super) token: SecretString,
    /// Until a new one should be asked for.
    pub(super) fresh_for: Duration,
    /// Until it is refused.
    pub(super) good_for: Duration,
    /// What of that which pull requests take it may not write; none when GitHub did not tell.
    pub(super) lacking: Option<Vec<&'static str>>,
}

#[derive(Deserialize)]
struct TokenBody {
    token: String,
    expires_at: String,
    permissions: Option<Map<String, Value>>,
}

impl AccessToken {
    /// Reads an answer given at this time, in Unix seconds.
    pub(super) fn parse(body: &[u8], now: i64) -> Result<Self, &'static str> {
        let read: TokenBody = serde_json::from_slice(body).map_err(|_| "it is no access token")?;
        let ends_at: jiff::Timestamp = read
            .expires_at
            .parse()
            .map_err(|_| "the token's end is no time")?;
        if read.token.is_empty() || !read.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token is no token");
        }
        let left = ends_at.as_second().saturating_sub(now);
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        Ok(Self {
            token: SecretString::from(read.token),
            fresh_for: left.saturating_sub(RENEW_EARLY).clamp(MIN_LIFE, MAX_LIFE),
            good_for: left.clamp(MIN_LIFE, MAX_LIFE),
            lacking: read.permissions.as_ref().map(lacking),
        })
    }
}

fn lacking(permissions: &Map<String, Value>) -> Vec<&'static str> {
    let is_written = |name: &str| permissions.get(name).is_some_and(|may| may == "write");
    let lacking = NEEDED.iter().filter(|(name, _)| !is_written(name));
    lacking.map(|(_, told)| *told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(expires_at: &str, now: i64) -> (u64, u64) {
        let body = format!(r#"{{"token":"ghs_1","expires_at":"{expires_at}","permissions":{{}}}}"#);
        let token = AccessToken::parse(body.as_bytes(), now).unwrap();
        (token.fresh_for.as_secs(), token.good_for.as_secs())
    }

    #[test]
    fn a_token_is_renewed_ten_minutes_before_its_end() {
        assert_eq!(lives("1970-01-12T13:46:40Z", 1_000_000 - 3600), (3000, 3600));
    }

    #[test]
    fn a_clock_that_is_off_neither_floods_nor_keeps_a_token_for_ever() {
        assert_eq!(lives("1970-01-12T13:46:40Z", 2_000_000), (30, 30));
        assert_eq!(lives("1970-01-12T13:46:40Z", 0), (3600, 3600));
        assert_eq!(lives("1970-01-12T13:46:40Z", i64::MIN), (3600, 3600));
    }

    #[test]
    fn what_pull_requests_take_and_the_token_may_not_write_is_told() {
        let lacking = |permissions: &str| {
            let body = format!(r#"{{"token":"t","expires_at":"1970-01-12T13:46:40Z"{permissions}}}"#);
            AccessToken::parse(body.as_bytes(), 0).unwrap().lacking
        };
        let both = r#","permissions":{"contents":"write","pull_requests":"write","metadata":"read"}"#;
        assert_eq!(lacking(both), Some(Vec::new()));
        let one = r#","permissions":{"contents":"write","pull_requests":"read"}"#;
        assert_eq!(lacking(one), Some(vec!["pull requests"]));
        assert_eq!(
            lacking(r#","permissions":{}"#),
            Some(vec!["contents", "pull requests"])
        );
        assert_eq!(lacking(""), None);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for body in [
            r#"{"token":"","expires_at":"1970-01-12T13:46:40Z"}"#,
            r#"{"token":"a\nb","expires_at":"1970-01-12T13:46:40Z"}"#,
            r#"{"token":"ghs_1","expires_at":"tomorrow"}"#,
            r#"{"token":"ghs_1"}"#,
            "<html>",
        ] {
            assert!(AccessToken::parse(body.as_bytes(), 0).is_err(), "{body}");
        }
    }
}

//! When a code host wants to be left alone, as GitHub and GitLab say it.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

/// How long a limit without a time is respected; what GitHub advises.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// Longest wait that we believe: limits are counted by the minute or the hour.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// How the hosts call what is left and when it begins anew (GitHub, "Rate limits for the REST API"; GitLab, "Rate
/// limits": response headers).
const COUNTERS: [(&str, &str); 2] = [
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// Returns how long to wait when the answer is a limit; `None` when it is something else. `says_limit` is whether its
/// words are about a rate limit, and `now` the time in Unix seconds.
///
/// Primary limits say when they end, secondary ones how long to wait; with GitHub both come as 403 or 429.
pub(super) fn wait(status: StatusCode, headers: &HeaderMap, says_limit: bool, now: i64) -> Option<Duration> {
    let number = |name: &str| -> Option<i64> {
        let value = headers.get(name)?.to_str().ok()?;
        value.trim().parse().ok()
    };
    let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(MAX_WAIT);
    let used_up = COUNTERS
        .into_iter()
        .find(|(remaining, _)| number(remaining) == Some(0));
    let after = number(header::RETRY_AFTER.as_str()).map(seconds);
    let reset = used_up.and_then(|(_, reset)| number(reset));
    let wait = after.or_else(|| reset.map(|at| seconds(at.saturating_sub(now))));
    let is_limit = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => used_up.is_some() || after.is_some() || says_limit,
        _ => false,
    };
    is_limit.then(|| wait.unwrap_or(DEFAULT_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn waits(status: u16, headers: &[(&'static str, &str)], says_limit: bool) -> Option<u64> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        wait(status, &headers, says_limit, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn gitlabs_counters_are_read_like_githubs() {
        let reset = (NOW + 30).to_string();
        let github = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset)];
        let gitlab = [("ratelimit-remaining", "0"), ("ratelimit-reset", &*reset)];
        assert_eq!(
            (waits(403, &github, false), waits(429, &gitlab, false)),
            (Some(30), Some(30))
        );
        assert_eq!(
            waits(429, &[("retry-after", "9"), gitlab[0], gitlab[1]], false),
            Some(9)
        );
        assert_eq!(waits(429, &[], false), Some(60));
        assert_eq!(waits(429, &[("retry-after", "99999")], false), Some(3600));
    }

    #[test]
    fn another_answer_is_no_limit_even_when_little_is_left() {
        let none_left = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        assert_eq!(waits(200, &none_left, false), None);
        assert_eq!(waits(404, &none_left, true), None);
        assert_eq!(waits(403, &[("ratelimit-remaining", "5")], false), None);
        assert_eq!(waits(403, &[], true), Some(60));
    }
}

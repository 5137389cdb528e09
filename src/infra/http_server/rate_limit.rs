//! Requests per client address and window: `backend.rateLimit`, as express-rate-limit counts them.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{places::client_block, rate_limit_settings::RateLimitSettings};
use crate::config::{ConfigError, ConfigReader};

/// Addresses remembered at once; about 10 MB. When more come, the least recently seen are forgotten.
const MAX_ADDRESSES: u64 = 100_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Counts requests in windows that begin with an address's first request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RateLimiter {
    settings: Arc<RateLimitSettings>,
    windows: moka::sync::Cache<IpAddr, Arc<Mutex<Window>>>,
}

#[derive(Debug)]
struct Window {
    hits: u32,
    ends: Instant,
    ends_at: SystemTime,
}

/// A counted request.
#[derive(Debug)]
pub struct Count {
    window: Arc<Mutex<Window>>,
    limit: u32,
    hits: u32,
    resets_in: Duration,
    resets_at: SystemTime,
    forget_success: bool,
    forget_failure: bool,
}

impl RateLimiter {
    /// Begins with no addresses known.
    pub fn new(settings: RateLimitSettings) -> Self {
        let windows = moka::sync::Cache::builder()
            .max_capacity(MAX_ADDRESSES)
            // The default refuses newcomers when full, who would then never be counted.
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            // Housekeeping only: whether a window is over is decided below.
            .time_to_idle(settings.window.saturating_mul(2).max(Duration::from_secs(1)))
            .build();
        Self {
            settings: Arc::new(settings),
            windows,
        }
    }

    /// Reads one plugin's own limit, `backend.rateLimit.plugin.<id>`; `None` when it has none.
    ///
    /// Whoever mounts the plugin calls `count` first and, after a count that `is_over`, answers
    /// `Refusal::TOO_MANY_REQUESTS`; `decorate` and `answered` are for every counted answer.
    pub fn for_plugin(config: &ConfigReader, plugin_id: &str) -> Result<Option<Self>, Vec<ConfigError>> {
        Ok(RateLimitSettings::read_for_plugin(config, plugin_id)?.map(Self::new))
    }

    /// Counts a request, or returns `None` when the address is on the allow list.
    pub fn count(&self, client: IpAddr) -> Option<Count> {
        if self.settings.allowed_addresses.contains(&client) {
            return None;
        }
        let now = Instant::now();
        let length = self.settings.window;
        let window = self.windows.get_with(client_block(client), || {
            Arc::new(Mutex::new(Window::new(now, length)))
        });
        let mut current = window.lock();
        if current.ends <= now {
            *current = Window::new(now, length);
        }
        current.hits = current.hits.saturating_add(1);
        let (hits, resets_in, resets_at) = (current.hits, current.ends - now, current.ends_at);
        drop(current);
        Some(Count {
            window,
            limit: self.settings.limit,
            hits,
            resets_in,
            resets_at,
            forget_success: self.settings.skip_successful_requests,
            forget_failure: self.settings.skip_failed_requests,
        })
    }
}

impl Window {
    fn new(now: Instant, length: Duration) -> Self {
        Self {
            hits: 0,
            ends: now + length,
            ends_at: SystemTime::now() + length,
        }
    }
}

impl Count {
    /// Whether this request is one too many: answer 429 with `decorate`d headers.
    pub fn is_over(&self) -> bool {
        self.hits > self.limit
    }

    /// Adds the `X-RateLimit-*` headers, and `Retry-After` when the request was one too many.
    pub fn decorate(&self, headers: &mut HeaderMap) {
        let reset = self.resets_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.limit.saturating_sub(self.hits)));
        headers.insert(RESET, HeaderValue::from(whole_seconds(reset)));
        if self.is_over() {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(whole_seconds(self.resets_in)),
            );
        }
    }

    /// Takes the request back if its kind of answer is not to be counted.
    pub fn answered(&self, response: &Response) {
        let is_success = response.status().as_u16() < 400;
        if (is_success && self.forget_success) || (!is_success && self.forget_failure) {
            let mut window = self.window.lock();
            window.hits = window.hits.saturating_sub(1);
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn limiter(json: &str) -> RateLimiter {
        let reader = config(&format!(r#"{{"backend":{{"rateLimit":{json}}}}}"#));
        RateLimiter::new(RateLimitSettings::read_global(&reader).unwrap().unwrap())
    }

    fn is_over(limiter: &RateLimiter, client: &str) -> bool {
        limiter
            .count(client.parse().unwrap())
            .is_some_and(|count| count.is_over())
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_after_the_limit_is_refused_until_the_window_ends() {
        let limiter = limiter(r#"{"incomingRequestLimit":2}"#);
        assert_eq!(
            [(); 3].map(|()| is_over(&limiter, "1.1.1.1")),
            [false, false, true]
        );
        assert!(!is_over(&limiter, "2.2.2.2"));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(is_over(&limiter, "1.1.1.1"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!is_over(&limiter, "1.1.1.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn headers_tell_what_is_left() {
        let limiter = limiter(r#"{"incomingRequestLimit":1}"#);
        let told = || {
            let mut headers = HeaderMap::new();
            limiter
                .count("1.1.1.1".parse().unwrap())
                .unwrap()
                .decorate(&mut headers);
            headers
        };
        let first = told();
        assert_eq!(
            (&first[LIMIT], &first[REMAINING]),
            (&"1".parse().unwrap(), &"0".parse().unwrap())
        );
        assert!(!first.contains_key(header::RETRY_AFTER));
        assert_eq!(told()[header::RETRY_AFTER], "60");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let reset: u64 = first[RESET].to_str().unwrap().parse().unwrap();
        assert!((now + 50..=now + 61).contains(&reset));
    }

    #[tokio::test]
    async fn loopback_is_not_counted_unless_the_list_says_so() {
        let limiter_by_default = limiter("{}");
        assert!(limiter_by_default.count("127.0.0.1".parse().unwrap()).is_none());
        assert!(limiter_by_default.count("::1".parse().unwrap()).is_none());
        let limiter = limiter(r#"{"ipAllowList":["8.8.8.8"]}"#);
        assert!(limiter.count("127.0.0.1".parse().unwrap()).is_some());
        assert!(limiter.count("8.8.8.8".parse().unwrap()).is_none());
    }

    #[tokio::test]
    async fn an_ipv6_block_is_one_caller() {
        let limiter = limiter(r#"{"incomingRequestLimit":1}"#);
        assert!(!is_over(&limiter, "2001:db8:0:1::1"));
        assert!(is_over(&limiter, "2001:db8:0:2::2"));
        assert!(!is_over(&limiter, "2001:db8:1::1"));
    }

    #[tokio::test]
    async fn answers_of_a_skipped_kind_are_taken_back() {
        let limiter = limiter(r#"{"incomingRequestLimit":1,"skipSuccessfulRequests":true}"#);
        for _ in 0..3 {
            let count = limiter.count("1.1.1.1".parse().unwrap()).unwrap();
            assert!(!count.is_over());
            count.answered(&Response::default());
        }
    }
}

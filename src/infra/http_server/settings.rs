//! `backend.server` and `backend.https`: time limits and counts of a connection, and its certificate.

use std::{sync::Arc, time::Duration};

use tracing::warn;

use super::{client_address::TrustProxy, tls};
use crate::config::{ConfigError, ConfigReader, Value};

/// How long a connection may wait for its next request; Node's default.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the head of a request may take to arrive; Node's default.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a whole request may take to arrive; Node's default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// How long shutdown waits for running requests: below the 30 seconds after which Kubernetes kills.
const DRAIN_LIMIT: Duration = Duration::from_secs(25);

/// A longer limit is no limit, and could not be added to a clock.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// What `serve` needs to know. Times of zero in the configuration switch that limit off, as in Node.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub(super) limits: ConnectionLimits,
    pub(super) drain_limit: Duration,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) room: Room,
    /// Whose connections carry the requests of many clients.
    pub(super) trust_proxy: TrustProxy,
}

/// How much there may be at once. One client address takes at most half of each, so that there is room for the others;
/// connections of trusted proxies carry many clients and count only in all.
#[derive(Debug, Clone)]
pub struct Room {
    /// Connections. One that says nothing costs little; what is beyond is closed.
    pub connections: usize,
    /// Connections that have said something, and have buffers: about 30 kB each, so that all fit the 128 MiB that `deploy/`
    /// grants. Others wait for a place before they are read.
    pub speaking: usize,
    /// Heads of requests that have begun to arrive and are not complete, which take up to 20 kB more. Nearly every head
    /// comes in one piece.
    pub unfinished_heads: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            connections: 4_096,
            speaking: 1_024,
            unfinished_heads: 256,
        }
    }
}

/// The limits of one connection; `None` is no limit.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimits {
    pub(super) keep_alive: Option<Duration>,
    pub(super) headers: Option<Duration>,
    pub(super) request: Option<Duration>,
    /// Node's `server.timeout`: no byte in either direction.
    pub(super) silence: Option<Duration>,
    pub(super) max_headers: Option<usize>,
    pub(super) max_requests: Option<u64>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            limits: ConnectionLimits {
                keep_alive: Some(KEEP_ALIVE_TIMEOUT),
                headers: Some(HEADERS_TIMEOUT),
                request: Some(REQUEST_TIMEOUT),
                silence: None,
                max_headers: None,
                max_requests: None,
            },
            drain_limit: DRAIN_LIMIT,
            tls: None,
            room: Room::default(),
            trust_proxy: TrustProxy::default(),
        }
    }
}

impl ServerSettings {
    /// Reads the settings; a limit that cannot be understood is ignored with a warning, as in Backstage.
    ///
    /// Fails when `backend.https` is there and gives no usable certificate.
    pub fn read(config: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let defaults = Self::default();
        let limits = defaults.limits;
        Ok(Self {
            limits: ConnectionLimits {
                keep_alive: duration(config, "backend.server.keepAliveTimeout", limits.keep_alive),
                headers: duration(config, "backend.server.headersTimeout", limits.headers),
                request: duration(config, "backend.server.requestTimeout", limits.request),
                silence: duration(config, "backend.server.timeout", limits.silence),
                max_headers: count(config, "backend.server.maxHeadersCount").map(|count| count as usize),
                max_requests: count(config, "backend.server.maxRequestsPerSocket"),
            },
            drain_limit: defaults.drain_limit,
            tls: tls::read(config).map_err(|error| vec![error])?,
            room: defaults.room,
            // A wrong one is the edge's to tell.
            trust_proxy: TrustProxy::read(config).unwrap_or_default(),
        })
    }

    /// Replaces how long shutdown waits for running requests.
    #[must_use]
    pub fn with_drain_limit(mut self, limit: Duration) -> Self {
        self.drain_limit = limit;
        self
    }

    /// Replaces how much there may be at once.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.room = room;
        self
    }

    /// Returns how long shutdown waits for running requests.
    pub fn drain_limit(&self) -> Duration {
        self.drain_limit
    }

    /// Whether connections are TLS.
    pub fn is_https(&self) -> bool {
        self.tls.is_some()
    }
}

fn duration(config: &ConfigReader, key: &str, default: Option<Duration>) -> Option<Duration> {
    let read = match config.get(key) {
        Ok(Some(Value::Number(milliseconds))) => Duration::try_from_secs_f64(milliseconds / 1000.0)
            .map(Some)
            .map_err(|error| ConfigError::new(error.to_string())),
        _ => config.optional_duration(key),
    };
    match read {
        Ok(None) => default,
        Ok(Some(limit)) => (!limit.is_zero() && limit <= LONGEST).then_some(limit),
        Err(_) => {
            warn!("Ignoring {key}: give milliseconds as a number, or a duration such as 30s");
            default
        }
    }
}

fn count(config: &ConfigReader, key: &str) -> Option<u64> {
    match config.optional_number(key) {
        Ok(None) => None,
        Ok(Some(number)) if number >= 0.0 => (number >= 1.0).then_some(number as u64),
        _ => {
            warn!("Ignoring {key}: give a whole number");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    #[test]
    fn the_defaults_are_nodes() {
        let limits = ServerSettings::read(&config("{}")).unwrap().limits;
        assert_eq!(limits.keep_alive, Some(Duration::from_secs(5)));
        assert_eq!(limits.headers, Some(Duration::from_secs(60)));
        assert_eq!(limits.request, Some(Duration::from_secs(300)));
        assert_eq!(
            (limits.silence, limits.max_headers, limits.max_requests),
            (None, None, None)
        );
    }

    #[test]
    fn numbers_are_milliseconds_and_zero_switches_a_limit_off() {
        let settings = config(
            r#"{"backend":{"server":{"keepAliveTimeout":1500,"headersTimeout":0,"requestTimeout":"2m",
                "timeout":{"seconds":7},"maxHeadersCount":20,"maxRequestsPerSocket":"3"}}}"#,
        );
        let limits = ServerSettings::read(&settings).unwrap().limits;
        assert_eq!(limits.keep_alive, Some(Duration::from_millis(1500)));
        assert_eq!(limits.headers, None);
        assert_eq!(limits.request, Some(Duration::from_secs(120)));
        assert_eq!(limits.silence, Some(Duration::from_secs(7)));
        assert_eq!((limits.max_headers, limits.max_requests), (Some(20), Some(3)));
    }

    #[test]
    fn what_cannot_be_understood_is_ignored() {
        let settings = config(
            r#"{"backend":{"server":{"keepAliveTimeout":-5,"headersTimeout":"soon","maxHeadersCount":"many"}}}"#,
        );
        let limits = ServerSettings::read(&settings).unwrap().limits;
        assert_eq!(limits.keep_alive, Some(Duration::from_secs(5)));
        assert_eq!(limits.headers, Some(Duration::from_secs(60)));
        assert_eq!(limits.max_headers, None);
    }
}

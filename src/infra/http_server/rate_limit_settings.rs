//! What `backend.rateLimit` says, for everybody and for single plugins.

use std::{net::IpAddr, time::Duration};

use tracing::warn;

use crate::config::{ConfigError, ConfigReader, Value};

/// Backstage's window.
const DEFAULT_WINDOW: Duration = Duration::from_secs(60);

/// Backstage's limit for one window.
const DEFAULT_LIMIT: u32 = 5;

/// A longer window would never end while the process lives, and could not be added to a clock.
const MAX_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
];

/// One limiter's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitSettings {
    pub(super) window: Duration,
    pub(super) limit: u32,
    pub(super) allowed_addresses: Vec<IpAddr>,
    pub(super) skip_successful_requests: bool,
    pub(super) skip_failed_requests: bool,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            window: DEFAULT_WINDOW,
            limit: DEFAULT_LIMIT,
            allowed_addresses: LOOPBACK.into(),
            skip_successful_requests: false,
            skip_failed_requests: false,
        }
    }
}

impl RateLimitSettings {
    /// Reads the limit for all requests; `None` when there is none.
    pub fn read_global(config: &ConfigReader) -> Result<Option<Self>, Vec<ConfigError>> {
        match config.get("backend.rateLimit").map_err(|error| vec![error])? {
            None | Some(Value::Bool(false)) => Ok(None),
            Some(Value::Bool(true)) => {
                // Backstage's schema allows it and its plugins then fail to start; the defaults are what it means.
                warn!(
                    "`backend.rateLimit: true` means Backstage's defaults: {DEFAULT_LIMIT} requests a minute for each \
                     client address. One open stack page asks 6 times a minute; set \
                     `backend.rateLimit.incomingRequestLimit`"
                );
                Ok(Some(Self::default()))
            }
            Some(_) => {
                let section = config.config("backend.rateLimit").map_err(|error| vec![error])?;
                let is_off = matches!(section.get("global"), Ok(Some(Value::Bool(false))));
                if is_off {
                    Ok(None)
                } else {
                    Self::read(&section).map(Some)
                }
            }
        }
    }

    /// Reads the limit for one plugin, `backend.rateLimit.plugin.<id>`; `None` when there is none.
    pub fn read_for_plugin(config: &ConfigReader, plugin_id: &str) -> Result<Option<Self>, Vec<ConfigError>> {
        if !matches!(config.get("backend.rateLimit"), Ok(Some(Value::Object(_)))) {
            return Ok(None);
        }
        let section = config
            .optional_config(&format!("backend.rateLimit.plugin.{plugin_id}"))
            .map_err(|error| vec![error])?;
        section.map(|section| Self::read(&section)).transpose()
    }

    fn read(section: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let defaults = Self::default();
        let mut settings = defaults.clone();
        let mut keep = |result: Result<(), ConfigError>| errors.extend(result.err());
        keep(refuse_other_stores(section));
        keep(
            window(section).map(|window| settings.window = window.unwrap_or(defaults.window).min(MAX_WINDOW)),
        );
        keep(limit(section).map(|limit| settings.limit = limit.unwrap_or(defaults.limit)));
        keep(allow_list(section).map(|list| {
            settings.allowed_addresses = list.unwrap_or(defaults.allowed_addresses);
        }));
        keep(flag(section, "skipSuccessfulRequests").map(|flag| settings.skip_successful_requests = flag));
        keep(flag(section, "skipFailedRequests").map(|flag| settings.skip_failed_requests = flag));
        // A store in memory does not fail; the key is only checked.
        keep(flag(section, "passOnStoreError").map(drop));
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

fn flag(section: &ConfigReader, key: &str) -> Result<bool, ConfigError> {
    Ok(section.optional_boolean(key)?.unwrap_or(false))
}

/// Milliseconds or a duration.
fn window(section: &ConfigReader) -> Result<Option<Duration>, ConfigError> {
    match section.get("window")? {
        Some(Value::Number(milliseconds)) => Duration::try_from_secs_f64(milliseconds / 1000.0)
            .map(Some)
            .map_err(|_| ConfigError::new(format!("`{}` must not be negative", section.full_key("window")))),
        _ => section.optional_duration("window"),
    }
}

fn limit(section: &ConfigReader) -> Result<Option<u32>, ConfigError> {
    let limit = section.optional_number("incomingRequestLimit")?;
    match limit {
        Some(number) if number < 0.0 => Err(ConfigError::new(format!(
            "`{}` must not be negative",
            section.full_key("incomingRequestLimit")
        ))),
        other => Ok(other.map(|number| number as u32)),
    }
}

fn allow_list(section: &ConfigReader) -> Result<Option<Vec<IpAddr>>, ConfigError> {
    let Some(items) = section.optional_string_array("ipAllowList")? else {
        return Ok(None);
    };
    let addresses = items
        .iter()
        .map(|item| item.parse::<IpAddr>().map(|address| address.to_canonical()));
    addresses.collect::<Result<_, _>>().map(Some).map_err(|_| {
        ConfigError::new(format!(
            "`{}` must list IP addresses",
            section.full_key("ipAllowList")
        ))
    })
}

fn refuse_other_stores(section: &ConfigReader) -> Result<(), ConfigError> {
    match section.optional_string("store.type")?.as_deref() {
        None | Some("memory") => Ok(()),
        Some(_) => Err(ConfigError::new(format!(
            "`{}` must be memory here: each replica counts for itself. Divide `incomingRequestLimit` by the number \
             of replicas, or leave rate limiting to the proxy in front",
            section.full_key("store.type")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn read(json: &str) -> Result<Option<RateLimitSettings>, Vec<ConfigError>> {
        RateLimitSettings::read_global(&config(&format!(r#"{{"backend":{{"rateLimit":{json}}}}}"#)))
    }

    #[test]
    fn absent_or_false_is_no_limit_and_true_is_backstages_defaults() {
        assert_eq!(read("null").unwrap(), None);
        assert_eq!(read("false").unwrap(), None);
        assert_eq!(read(r#"{"global":false}"#).unwrap(), None);
        assert_eq!(read("true").unwrap(), Some(RateLimitSettings::default()));
        assert_eq!(read("{}").unwrap(), Some(RateLimitSettings::default()));
    }

    #[test]
    fn one_plugin_may_have_its_own_limit() {
        let reader = config(
            r#"{"backend":{"rateLimit":{"global":false,"plugin":{"one":{"window":1000,"incomingRequestLimit":"7"}}}}}"#,
        );
        let own = RateLimitSettings::read_for_plugin(&reader, "one")
            .unwrap()
            .unwrap();
        assert_eq!((own.window, own.limit), (Duration::from_secs(1), 7));
        assert_eq!(RateLimitSettings::read_for_plugin(&reader, "two").unwrap(), None);
        assert_eq!(
            RateLimitSettings::read_for_plugin(&config("{}"), "one").unwrap(),
            None
        );
    }

    #[test]
    fn every_problem_is_named_with_its_key() {
        let errors = read(
            r#"{"store":{"type":"redis","connection":"redis://:hush@x"},"ipAllowList":["home"],"incomingRequestLimit":-1}"#,
        )
        .unwrap_err();
        let text = errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        for key in ["store.type", "ipAllowList", "incomingRequestLimit"] {
            assert!(text.contains(&format!("`backend.rateLimit.{key}`")), "{text}");
        }
        assert!(!text.contains("hush"), "{text}");
    }
}

//! `permission.enabled`, and how long a verdict about reading serves.

use std::time::Duration;

use crate::config::{ConfigError, ConfigReader, Problems};

/// How long unless configured otherwise: a person whose right was taken away reads on for so long at most.
const USUAL_TTL: Duration = Duration::from_secs(5);

/// Longest time that can be configured.
pub(super) const LONGEST_TTL: Duration = Duration::from_secs(5 * 60);

/// How long, as configured.
const CACHE_TTL: &str = "stagedoor.permission.cacheTtl";

/// The keys that follow a reload.
pub(crate) const LIVE_KEYS: &[&str] = &["permission.enabled", CACHE_TTL];

/// How permissions are decided.
#[derive(Debug, Clone, Copy)]
pub struct PermissionSettings {
    /// `permission.enabled`: whether users are judged by the permission backend.
    pub enabled: bool,
    /// `stagedoor.permission.cacheTtl`; zero switches it off. Verdicts about writing are never kept.
    pub cache_ttl: Duration,
}

impl PermissionSettings {
    /// Reads both keys.
    ///
    /// # Errors
    /// A value of the wrong type, or a time that is too long.
    pub fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let enabled = problems.of(reader.optional_boolean("permission.enabled"));
        let cache_ttl = problems.of(reader.optional_duration(CACHE_TTL));
        let cache_ttl = cache_ttl.flatten().unwrap_or(USUAL_TTL);
        if cache_ttl > LONGEST_TTL {
            problems.refuse(CACHE_TTL, "must be five minutes at most");
        }
        if !problems.is_empty() {
            return Err(problems.into_errors());
        }
        Ok(Self {
            enabled: enabled.flatten().unwrap_or(false),
            cache_ttl,
        })
    }
}

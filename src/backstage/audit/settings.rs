//! `backend.auditor`: at which log level each severity is written.

use tracing::Level;

use crate::config::{ConfigError, ConfigReader, Problems};

/// Where the levels are configured.
const MAPPINGS: &str = "backend.auditor.severityLogLevelMappings";

/// How much an event matters (`@backstage/backend-plugin-api`, AuditorService).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Normal use: looking.
    Low,
    /// Writing.
    Medium,
    /// Changing what others may do.
    High,
    /// The same for those who may do everything.
    Critical,
}

/// A kind of event.
#[derive(Debug, Clone, Copy)]
pub struct AuditEvent {
    /// Such as `run-mutate`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
}

impl AuditEvent {
    /// Somebody looks.
    pub const fn fetch(id: &'static str) -> Self {
        let severity = Severity::Low;
        Self { id, severity }
    }

    /// Somebody writes.
    pub const fn mutate(id: &'static str) -> Self {
        let severity = Severity::Medium;
        Self { id, severity }
    }
}

/// The level of each severity.
#[derive(Debug, Clone, Copy)]
pub struct AuditSettings {
    low: Level,
    medium: Level,
    high: Level,
    critical: Level,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            low: Level::DEBUG,
            medium: Level::INFO,
            high: Level::INFO,
            critical: Level::INFO,
        }
    }
}

impl AuditSettings {
    /// Reads the levels.
    ///
    /// # Errors
    /// A level nobody knows, as in Backstage.
    pub fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let mut level = |severity: Severity, usual| {
            let key = format!("{MAPPINGS}.{}", severity.name());
            let name = problems.of(reader.optional_string(&key)).flatten();
            let Some(name) = name else { return usual };
            level(&name).unwrap_or_else(|| {
                problems.refuse(&key, "must be one of error, warn, info, debug");
                usual
            })
        };
        let usual = Self::default();
        let settings = Self {
            low: level(Severity::Low, usual.low),
            medium: level(Severity::Medium, usual.medium),
            high: level(Severity::High, usual.high),
            critical: level(Severity::Critical, usual.critical),
        };
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems.into_errors())
        }
    }

    /// The level at which events of the severity are written.
    pub(super) fn level(&self, severity: Severity) -> Level {
        match severity {
            Severity::Low => self.low,
            Severity::Medium => self.medium,
            Severity::High => self.high,
            Severity::Critical => self.critical,
        }
    }
}

impl Severity {
    /// As Backstage writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Backstage's names of levels; what it has between info and debug is info here.
fn level(name: &str) -> Option<Level> {
    Some(match name {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "info" | "http" | "verbose" => Level::INFO,
        "debug" => Level::DEBUG,
        "silly" => Level::TRACE,
        _ => return None,
    })
}

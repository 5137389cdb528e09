//! What the configuration and the environment say about logging.

use serde_json::Value as Json;
use tracing::level_filters::LevelFilter;

use super::{
    init::LogEnvironment,
    level,
    line::{Format, serialised},
    overrides::{self, Override},
};
use crate::config::{ConfigError, ConfigReader, to_json};

/// Backstage's level when nothing is set.
const DEFAULT_LEVEL: &str = "info";

/// Everything that may change with a reload, computed once per reload.
#[derive(Debug)]
pub(super) struct LogSettings {
    pub(super) format: Format,
    pub(super) level: LevelFilter,
    pub(super) overrides: Vec<Override>,
    /// `backend.logger.meta`, ready to be spliced into a line.
    pub(super) meta: Vec<u8>,
    /// `RUST_LOG` is set: a developer's filter decides, not the levels here.
    pub(super) is_filtered_elsewhere: bool,
}

impl LogSettings {
    pub(super) fn read(
        config: &ConfigReader,
        environment: &LogEnvironment,
        is_terminal: bool,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let format = format(environment, is_terminal);
        let configured = config
            .optional_string("backend.logger.level")
            .unwrap_or_else(|error| {
                errors.push(error);
                None
            });
        let meta = meta(config).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        let overrides = overrides::read(config).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let name = environment.log_level.as_deref().filter(|name| !name.is_empty());
        Ok(Self {
            format,
            level: level::filter(name.or(configured.as_deref()).unwrap_or(DEFAULT_LEVEL)),
            overrides,
            meta: serialised(&meta, format),
            is_filtered_elsewhere: environment.filter().is_some(),
        })
    }
}

fn format(environment: &LogEnvironment, is_terminal: bool) -> Format {
    match environment.node_env.as_deref() {
        Some("production") => Format::Json,
        _ if is_terminal => Format::Coloured,
        _ => Format::Text,
    }
}

fn meta(config: &ConfigReader) -> Result<Vec<(String, Json)>, ConfigError> {
    let Some(section) = config.optional_config("backend.logger.meta")? else {
        return Ok(Vec::new());
    };
    let mut fields = Vec::new();
    for key in section.keys() {
        if let Some(value) = section.get(&key)? {
            fields.push((key, to_json(&value)));
        }
    }
    Ok(fields)
}

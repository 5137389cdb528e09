//! `backend.logger.overrides`: another level for the lines that match.

use regex_lite::Regex;
use tracing::{Level, level_filters::LevelFilter};

use super::{level, line::Field};
use crate::config::{ConfigError, ConfigReader, Value};

/// One entry: when every matcher fits, its level decides instead of the general one.
#[derive(Debug, Clone)]
pub(super) struct Override {
    matchers: Vec<(String, Vec<Matcher>)>,
    level: LevelFilter,
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact(String),
    Pattern(Regex),
}

/// Reads the list; an empty one when there is none.
pub(super) fn read(config: &ConfigReader) -> Result<Vec<Override>, ConfigError> {
    let entries = config
        .optional_config_array("backend.logger.overrides")?
        .unwrap_or_default();
    entries.iter().map(Override::read).collect()
}

/// Returns the most talkative level of all.
pub(super) fn most_verbose(overrides: &[Override], general: LevelFilter) -> LevelFilter {
    overrides.iter().map(|entry| entry.level).fold(general, Ord::max)
}

/// Whether a line may pass: the first entry that matches decides, else the general level.
pub(super) fn lets_through(
    overrides: &[Override],
    general: LevelFilter,
    level: Level,
    fields: &[Field],
) -> bool {
    let decided = overrides
        .iter()
        .find(|entry| entry.matches(fields))
        .map_or(general, |entry| entry.level);
    level <= decided
}

impl Override {
    fn read(entry: &ConfigReader) -> Result<Self, ConfigError> {
        let section = entry.config("matchers")?;
        let matchers = section.keys().into_iter().map(|key| {
            let values = matchers(&section, &key)?;
            Ok((key, values))
        });
        Ok(Self {
            matchers: matchers.collect::<Result<_, ConfigError>>()?,
            level: level::filter(&entry.string("level")?),
        })
    }

    fn matches(&self, fields: &[Field]) -> bool {
        self.matchers.iter().all(|(key, matchers)| {
            fields
                .iter()
                .filter(|field| field.name == *key)
                .any(|field| matchers.iter().any(|matcher| matcher.matches(&field.text)))
        })
    }
}

fn matchers(section: &ConfigReader, key: &str) -> Result<Vec<Matcher>, ConfigError> {
    let values = match section.get(key)? {
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    values
        .iter()
        .map(|value| Matcher::read(value, &section.full_key(key)))
        .collect()
}

impl Matcher {
    fn read(value: &Value, key: &str) -> Result<Self, ConfigError> {
        match value {
            Value::String(text) => match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
                Some(pattern) => Regex::new(pattern).map(Matcher::Pattern).map_err(|_| {
                    ConfigError::new(format!(
                        "`{key}` holds a regular expression that is not understood"
                    ))
                }),
                None => Ok(Matcher::Exact(text.clone())),
            },
            Value::Number(number) => Ok(Matcher::Exact(number.to_string())),
            Value::Bool(flag) => Ok(Matcher::Exact(flag.to_string())),
            _ => Err(ConfigError::new(format!(
                "`{key}` must be text or a list of texts"
            ))),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Matcher::Exact(wanted) => wanted == text,
            Matcher::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

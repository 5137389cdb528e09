//! What the app-config says about actions; follows reloads.

use secrecy::SecretString;

use super::filter::ActionFilter;
use crate::{
    backstage::write_callers::WriteCallers,
    config::{self, ConfigError, ConfigReader, Problems},
};

/// The keys that follow a reload.
pub(crate) const LIVE_KEYS: &[&str] = &[
    "backend.actions.filter",
    "backend.actions.pluginSources",
    "stagedoor.actions.writeCallers",
];

/// What holds for one plugin's actions.
#[derive(Debug, Clone)]
pub(crate) struct ActionSettings {
    pub(super) filter: ActionFilter,
    pub(super) write_callers: WriteCallers,
    /// What a reason phrase must never say, longest first.
    pub(super) secrets: Vec<SecretString>,
}

impl ActionSettings {
    /// Reads them for a plugin; reports every problem.
    pub(crate) fn read(reader: &ConfigReader, plugin_id: &str) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let write_callers = problems.of(WriteCallers::read(reader));
        let mut errors = problems.into_errors();
        let filter = ActionFilter::read(reader, plugin_id).map_err(|found| errors.extend(found));
        match (filter, write_callers) {
            (Ok(filter), Some(write_callers)) => Ok(Self {
                filter,
                write_callers,
                secrets: secrets(reader),
            }),
            _ => Err(errors),
        }
    }
}

fn secrets(reader: &ConfigReader) -> Vec<SecretString> {
    let all = reader.get("").ok().flatten();
    let values = all.as_ref().map(config::secret_values).unwrap_or_default();
    let values = values
        .into_iter()
        .filter(|value| value.chars().count() >= config::WHOLE_WORD_BELOW);
    values.map(SecretString::from).collect()
}

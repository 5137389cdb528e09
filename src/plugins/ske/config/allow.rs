//! Reads `stagedoor.ske.allow`.

use super::problems::{Problems, invalid};
use crate::{
    config::{ConfigError, ConfigReader, Value},
    plugins::ske::domain::{Access, AllowRule},
};

const KEY: &str = "stagedoor.ske.allow";

/// Returns the rules; `None` when the key is absent, which leaves the default in force.
pub(super) fn read(reader: &ConfigReader, problems: &mut Problems) -> Option<Vec<AllowRule>> {
    let entries = problems.of(reader.optional_config_array(KEY)).flatten()?;
    let rules = entries.iter().filter_map(|entry| rule(entry, problems));
    Some(rules.collect())
}

fn rule(entry: &ConfigReader, problems: &mut Problems) -> Option<AllowRule> {
    let group = problems.of(group(entry));
    let kinds = problems.of(kinds(entry));
    let access = problems.of(access(entry));
    Some(AllowRule {
        group: group?,
        kinds: kinds?,
        access: access?,
    })
}

/// The core group has no name, which the getter for strings would refuse; `core` is a word for it.
fn group(entry: &ConfigReader) -> Result<String, ConfigError> {
    match entry.get("group")? {
        Some(Value::String(group)) if group.is_empty() || group == "core" => Ok(String::new()),
        _ => entry.string("group"),
    }
}

fn kinds(entry: &ConfigReader) -> Result<Vec<String>, ConfigError> {
    let kinds = entry.string_array("kinds")?;
    if kinds.is_empty() {
        return Err(invalid(
            &entry.full_key("kinds"),
            "is empty; name the kinds, or '*' for all but Secret",
        ));
    }
    Ok(kinds)
}

fn access(entry: &ConfigReader) -> Result<Access, ConfigError> {
    match entry.string("access")?.as_str() {
        "read" => Ok(Access::Read),
        "write" => Ok(Access::Write),
        _ => Err(invalid(&entry.full_key("access"), "must be read or write")),
    }
}

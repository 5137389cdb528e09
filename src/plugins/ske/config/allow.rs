//! Reads `stagedoor.ske.allow`.

use crate::{
    config::{ConfigError, ConfigReader, Problems, Value},
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
        return Err(ConfigError::invalid(
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
        _ => Err(ConfigError::invalid(
            &entry.full_key("access"),
            "must be read or write",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plugins::ske::config::testing;

    fn with(allow: &Json) -> Json {
        json!({"ske": {}, "stagedoor": {"ske": { "allow": allow }}})
    }

    #[test]
    fn rules_are_read_and_the_core_group_is_written_empty_or_as_core() {
        let allow = testing::read(&with(&json!([
            {"group": "apps", "kinds": ["Deployment", "StatefulSet"], "access": "write"},
            {"group": "", "kinds": ["*"], "access": "read"},
            {"group": "core", "kinds": ["Secret"], "access": "read"},
        ])));
        let rule = |group: &str, kinds: &[&str], access| AllowRule {
            group: group.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            access,
        };
        let expected = vec![
            rule("apps", &["Deployment", "StatefulSet"], Access::Write),
            rule("", &["*"], Access::Read),
            rule("", &["Secret"], Access::Read),
        ];
        assert_eq!(allow.unwrap().allow, Some(expected));
    }

    #[test]
    fn an_empty_list_is_a_list_and_no_list_is_none() {
        assert_eq!(testing::read(&with(&json!([]))).unwrap().allow, Some(Vec::new()));
        assert_eq!(testing::read(&with(&json!(null))).unwrap().allow, None);
    }

    #[test]
    fn a_rule_with_something_missing_or_unknown_is_refused_by_its_place() {
        for (rule, key) in [
            (json!({"kinds": ["A"], "access": "read"}), "allow[0].group"),
            (json!({"group": "apps", "access": "read"}), "allow[0].kinds"),
            (
                json!({"group": "apps", "kinds": [], "access": "read"}),
                "allow[0].kinds",
            ),
            (
                json!({"group": "apps", "kinds": "A", "access": "read"}),
                "allow[0].kinds",
            ),
            (json!({"group": "apps", "kinds": ["A"]}), "allow[0].access"),
            (
                json!({"group": "apps", "kinds": ["A"], "access": "delete"}),
                "allow[0].access",
            ),
            (json!("apps"), "allow[0]"),
        ] {
            let problems = testing::problems(&with(&json!([rule])));
            assert!(
                problems.len() == 1 && problems[0].contains(key),
                "{key}: {problems:?}"
            );
        }
    }
}

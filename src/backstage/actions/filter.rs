//! `backend.actions`: which actions the portal wants at all.

use globset::{GlobBuilder, GlobMatcher};

use super::action::Attributes;
use crate::config::{ConfigError, ConfigReader, Problems};

/// Which of a plugin's actions are offered.
#[derive(Debug, Clone)]
pub(crate) struct ActionFilter {
    /// Whether the portal collects actions from this plugin.
    is_source: bool,
    include: Vec<Rule>,
    exclude: Vec<Rule>,
}

/// Matches when all its parts do.
#[derive(Debug, Clone)]
struct Rule {
    id: Option<GlobMatcher>,
    destructive: Option<bool>,
    idempotent: Option<bool>,
    read_only: Option<bool>,
}

impl ActionFilter {
    /// Reads `backend.actions.pluginSources` and `.filter`; reports every problem.
    pub(super) fn read(reader: &ConfigReader, plugin_id: &str) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let sources = problems.of(reader.optional_string_array("backend.actions.pluginSources"));
        let include = rules(reader, "backend.actions.filter.include", &mut problems);
        let exclude = rules(reader, "backend.actions.filter.exclude", &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_errors());
        }
        Ok(Self {
            is_source: sources
                .flatten()
                .is_none_or(|listed| listed.iter().any(|listed| listed == plugin_id)),
            include,
            exclude,
        })
    }

    /// Whether the action is offered: exclusion wins, and no rules to include it are all of them.
    pub(super) fn admits(&self, id: &str, attributes: Attributes) -> bool {
        let names = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(id, attributes));
        self.is_source && !names(&self.exclude) && (self.include.is_empty() || names(&self.include))
    }
}

impl Rule {
    fn read(entry: &ConfigReader) -> Result<Self, ConfigError> {
        let id = entry.optional_string("id")?;
        let id = id.map(|glob| pattern(entry, &glob)).transpose()?;
        let attribute = |name: &str| entry.optional_boolean(&format!("attributes.{name}"));
        Ok(Self {
            id,
            destructive: attribute("destructive")?,
            idempotent: attribute("idempotent")?,
            read_only: attribute("readOnly")?,
        })
    }

    fn matches(&self, id: &str, attributes: Attributes) -> bool {
        let is = |wanted: Option<bool>, found: bool| wanted.is_none_or(|wanted| wanted == found);
        self.id.as_ref().is_none_or(|glob| glob.is_match(id))
            && is(self.destructive, attributes.destructive)
            && is(self.idempotent, attributes.idempotent)
            && is(self.read_only, attributes.read_only)
    }
}

fn rules(reader: &ConfigReader, key: &str, problems: &mut Problems) -> Vec<Rule> {
    let entries = problems.of(reader.optional_config_array(key)).flatten();
    let entries = entries.unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| problems.of(Rule::read(entry)))
        .collect()
}

/// `*` does not cross a slash, as in Backstage.
fn pattern(entry: &ConfigReader, glob: &str) -> Result<GlobMatcher, ConfigError> {
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    let invalid = |_| ConfigError::invalid(&entry.full_key("id"), "is no pattern; write one such as ske:*");
    built.map(|glob| glob.compile_matcher()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::http_server::testing::config;

    const WRITES: Attributes = Attributes {
        destructive: true,
        idempotent: false,
        read_only: false,
    };

    fn offered(actions: &str) -> Vec<&'static str> {
        let reader = config(&format!(r#"{{"backend":{{"actions":{actions}}}}}"#));
        let filter = ActionFilter::read(&reader, "sample").unwrap();
        let all = [("sample:look", Attributes::READS), ("sample:do", WRITES)];
        let admitted = all
            .into_iter()
            .filter(|(id, attributes)| filter.admits(id, *attributes));
        admitted.map(|(id, _)| id).collect()
    }

    #[test]
    fn without_configuration_everything_is_offered() {
        assert_eq!(offered("{}"), ["sample:look", "sample:do"]);
        assert_eq!(
            offered(r#"{"filter":{"include":[]}}"#),
            ["sample:look", "sample:do"]
        );
    }

    #[test]
    fn a_plugin_that_is_not_collected_from_offers_nothing() {
        assert_eq!(offered(r#"{"pluginSources":["catalog","sample"]}"#).len(), 2);
        assert_eq!(offered(r#"{"pluginSources":["catalog"]}"#).len(), 0);
        assert_eq!(offered(r#"{"pluginSources":[]}"#).len(), 0);
    }

    #[test]
    fn all_parts_of_a_rule_must_match_and_exclusion_wins() {
        for (filter, wanted) in [
            (r#"{"include":[{"id":"sample:l*"}]}"#, &["sample:look"][..]),
            (r#"{"include":[{"id":"*"}]}"#, &["sample:look", "sample:do"]),
            (r#"{"include":[{"id":"other:*"}]}"#, &[]),
            (
                r#"{"include":[{"attributes":{"readOnly":true}}]}"#,
                &["sample:look"],
            ),
            (
                r#"{"include":[{"id":"*:do","attributes":{"readOnly":true}}]}"#,
                &[],
            ),
            (
                r#"{"include":[{"attributes":{"idempotent":false,"destructive":true}}]}"#,
                &["sample:do"],
            ),
            (
                r#"{"exclude":[{"attributes":{"destructive":"yes"}}]}"#,
                &["sample:look"],
            ),
            (
                r#"{"include":[{"id":"*"}],"exclude":[{"id":"sample:do"}]}"#,
                &["sample:look"],
            ),
            (r#"{"exclude":[{}]}"#, &[]),
        ] {
            assert_eq!(offered(&format!(r#"{{"filter":{filter}}}"#)), wanted, "{filter}");
        }
    }

    #[test]
    fn every_problem_is_reported_with_its_key() {
        let reader = config(
            r#"{"backend":{"actions":{"pluginSources":"x","filter":{"include":[{"id":"[a"}],
                "exclude":[{"attributes":{"readOnly":"perhaps"}}]}}}}"#,
        );
        let problems = ActionFilter::read(&reader, "sample").unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for key in [
            "pluginSources",
            "filter.include[0].id",
            "filter.exclude[0].attributes.readOnly",
        ] {
            assert!(text.contains(&format!("backend.actions.{key}")), "{key}: {text}");
        }
    }
}

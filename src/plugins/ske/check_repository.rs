//! `stagedoor check`: the repository, whether we may write to it, and what stands in it.

use super::{
    config::Config,
    gitops::Layout,
    repository::{Repository, Survey},
};
use crate::backstage::plugin::Check;

/// Objects above which one folder costs more with each commit: Git writes the whole list of its files anew.
const MANY_IN_ONE_FOLDER: usize = 5_000;

/// How many of a kind of trouble are told.
const MOST_TOLD: usize = 5;

/// Tries the repository. Stops at the first failure: what follows would only repeat it.
pub(super) async fn run(repository: &Repository, config: &Config) -> Vec<Check> {
    let Some(scm) = &config.scm else { return Vec::new() };
    let outcome = repository.check().await;
    let is_reached = outcome.is_ok();
    let outcome = outcome.map(|tip| match tip {
        Some(tip) => format!(
            "{} answers, the credential was accepted and may push; {} is at {tip}",
            scm.remote, scm.branch
        ),
        None => format!(
            "{} answers, the credential was accepted and may push; it is empty, the first request makes {}",
            scm.remote, scm.branch
        ),
    });
    let mut lines = vec![Check::new(
        "SKE repository",
        outcome.map_err(|error| error.to_string()),
    )];
    if is_reached {
        let read = repository.survey().await;
        let offered = read.as_ref().map(|survey| survey.offered).ok();
        let told = read.map(|survey| describe(&survey, scm.layout));
        lines.push(Check::new(
            "SKE documents",
            told.map_err(|error| error.to_string()),
        ));
        let offered = offered.filter(|_| !config.mode.reads_cluster());
        lines.extend(offered.map(|offered| kinds(offered, config)));
    }
    lines
}

/// What Promises in the repository open, where those count.
fn kinds(offered: usize, config: &Config) -> Check {
    let told = match (offered, &config.allow) {
        (_, Some(_)) => "stagedoor.ske.allow says what may be touched".to_owned(),
        (0, None) => "no Promise lies below ske.scm.path, so no object but Promises can be read, and none be written; commit \
                      the Promises there, or list kinds in stagedoor.ske.allow"
            .to_owned(),
        (kinds, None) => format!("Promises below ske.scm.path offer {kinds}"),
    };
    Check::new("SKE kinds", Ok(told))
}

fn describe(survey: &Survey, layout: Layout) -> String {
    let mut told = format!("{} objects", survey.objects);
    told.push_str(&listed("in part unreadable", &survey.broken));
    told.push_str(&listed("there more than once", &survey.conflicts));
    if layout == Layout::Flat && survey.objects > MANY_IN_ONE_FOLDER {
        told.push_str("; with so many, stagedoor.ske.layout: nested makes commits cheaper");
    }
    told
}

fn listed(what: &str, all: &[String]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let first = all.iter().take(MOST_TOLD).map(String::as_str);
    let first = first.collect::<Vec<_>>().join("; ");
    let more = if all.len() > MOST_TOLD { "; …" } else { "" };
    format!("; {what}: {} ({first}{more})", all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(objects: usize) -> Survey {
        Survey {
            objects,
            offered: 0,
            broken: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    #[test]
    fn what_is_wrong_with_documents_is_counted_and_the_first_ones_are_named() {
        let broken = (0..7).map(|number| format!("f{number}.yaml")).collect();
        let told = describe(&Survey { broken, ..survey(3) }, Layout::Flat);
        assert_eq!(
            told,
            "3 objects; in part unreadable: 7 (f0.yaml; f1.yaml; f2.yaml; f3.yaml; f4.yaml; …)"
        );
        let conflicts = vec!["Redis default/a: x.yaml and y.yaml".to_owned()];
        let told = describe(
            &Survey {
                conflicts,
                ..survey(2)
            },
            Layout::Flat,
        );
        assert!(
            told.ends_with("there more than once: 1 (Redis default/a: x.yaml and y.yaml)"),
            "{told}"
        );
    }

    #[test]
    fn above_five_thousand_objects_the_nested_layout_is_recommended() {
        assert!(describe(&survey(5_001), Layout::Flat).contains("stagedoor.ske.layout: nested"));
        for told in [
            describe(&survey(5_000), Layout::Flat),
            describe(&survey(9_000), Layout::Nested),
        ] {
            assert!(!told.contains("nested"), "{told}");
        }
    }
}

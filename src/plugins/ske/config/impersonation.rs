//! Reads `stagedoor.ske.impersonation`.

use std::collections::BTreeMap;

use crate::{
    config::{ConfigError, ConfigReader, Problems, Value},
    plugins::ske::domain::{Field, Impersonation, Template, UsernameFrom, check_cluster_name},
};

const KEY: &str = "stagedoor.ske.impersonation";

/// Plugins that may act for a user unless `actors` says otherwise: a Template's steps run in the scaffolder.
const DEFAULT_ACTORS: [&str; 1] = ["scaffolder"];

/// Returns the settings; `None` when the section is absent, or wrong.
pub(super) fn read(reader: &ConfigReader, problems: &mut Problems) -> Option<Impersonation> {
    let section = problems.of(reader.optional_config(KEY)).flatten()?;
    let username_from = problems.of(username_from(&section));
    let user = match &username_from {
        Some(from) => problems.of(user(&section, from)),
        None => None,
    };
    let groups = problems.of(groups(&section, username_from.as_ref()));
    let groups_from_ownership = problems.of(groups_from(&section));
    let actors = problems.of(section.optional_string_array("actors"));
    let services = problems.of(services(&section));
    Some(Impersonation {
        user: user?,
        groups: groups?,
        username_from: username_from?,
        groups_from_ownership: groups_from_ownership?,
        actors: actors?.unwrap_or_else(|| DEFAULT_ACTORS.map(str::to_owned).to_vec()),
        services: services?,
    })
}

fn username_from(section: &ConfigReader) -> Result<UsernameFrom, ConfigError> {
    match section.optional_string("usernameFrom")?.as_deref() {
        None | Some("entityRef") => Ok(UsernameFrom::EntityRef),
        Some(text) => match text.strip_prefix("annotation:").map(str::trim) {
            Some(key) if !key.is_empty() => Ok(UsernameFrom::Annotation(key.to_owned())),
            _ => Err(ConfigError::invalid(
                &section.full_key("usernameFrom"),
                "must be entityRef or annotation:<key>",
            )),
        },
    }
}

/// Reads the user's template. With an annotation it may be left out: the name is then the annotation's value.
fn user(section: &ConfigReader, from: &UsernameFrom) -> Result<Template, ConfigError> {
    let key = section.full_key("user");
    let text = match from {
        UsernameFrom::EntityRef => section.string("user")?,
        UsernameFrom::Annotation(_) => match section.optional_string("user")? {
            Some(text) => text,
            None => return Ok(Template::only(Field::Annotation)),
        },
    };
    let template = template(&key, &text, Some(from))?;
    match from {
        UsernameFrom::EntityRef if !template.uses(Field::Namespace) || !template.uses(Field::Name) => {
            Err(ConfigError::invalid(
                &key,
                "must use {namespace} and {name}, so that no two users share a name in the cluster",
            ))
        }
        UsernameFrom::Annotation(_) if !template.uses(Field::Annotation) => Err(ConfigError::invalid(
            &key,
            "must use {annotation}, because usernameFrom names one",
        )),
        UsernameFrom::EntityRef if template.is_ambiguous() => {
            let what = "gives two users the same name in the cluster; put a character between its placeholders that no \
                        name can hold, such as '/' or ':'";
            Err(ConfigError::invalid(&key, what))
        }
        _ => Ok(template),
    }
}

fn groups(section: &ConfigReader, from: Option<&UsernameFrom>) -> Result<Vec<Template>, ConfigError> {
    let texts = section.optional_string_array("groups")?.unwrap_or_default();
    let templates = texts.iter().enumerate().map(|(index, text)| {
        let key = format!("{}[{index}]", section.full_key("groups"));
        template(&key, text, from)
    });
    templates.collect()
}

/// Checks what can be said of a name before it is made; the finished one is checked again.
fn template(key: &str, text: &str, from: Option<&UsernameFrom>) -> Result<Template, ConfigError> {
    let template = Template::parse(text).map_err(|problem| ConfigError::invalid(key, &problem))?;
    if template.uses(Field::Annotation) && matches!(from, Some(UsernameFrom::EntityRef)) {
        return Err(ConfigError::invalid(
            key,
            "uses {annotation}, but usernameFrom names no annotation",
        ));
    }
    let trimmed = text.trim() == text;
    // A letter stands for what the first placeholder will be, so that an empty beginning is judged later.
    check_cluster_name(&format!("{}x", template.beginning()))
        .map_err(|problem| ConfigError::invalid(key, problem))?;
    let printable = template
        .texts()
        .all(|text| text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    if !trimmed || !printable {
        return Err(ConfigError::invalid(
            key,
            "has spaces at its ends or characters outside ASCII, which no header can carry",
        ));
    }
    Ok(template)
}

fn groups_from(section: &ConfigReader) -> Result<bool, ConfigError> {
    match section.optional_string("groupsFrom")?.as_deref() {
        None => Ok(false),
        Some("ownership") => Ok(true),
        Some(_) => Err(ConfigError::invalid(
            &section.full_key("groupsFrom"),
            "must be ownership, or absent",
        )),
    }
}

/// Reads `services` as data, because a subject need not be a key as Backstage's getters want it.
fn services(section: &ConfigReader) -> Result<BTreeMap<String, String>, ConfigError> {
    let entries = match section.get("services")? {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => {
            return Err(ConfigError::invalid(
                &section.full_key("services"),
                "must map subjects to cluster users",
            ));
        }
    };
    let service = |(subject, user): (String, Value)| {
        let key = format!("{}.{subject}", section.full_key("services"));
        let Value::String(user) = user else {
            return Err(ConfigError::invalid(
                &key,
                "must be the name of a cluster user, as text",
            ));
        };
        check_cluster_name(&user).map_err(|problem| ConfigError::invalid(&key, problem))?;
        Ok((subject, user))
    };
    entries
        .into_iter()
        .filter(|(_, user)| *user != Value::Null)
        .map(service)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plugins::ske::config::testing;

    fn with(section: &Json) -> Json {
        json!({"ske": {}, "stagedoor": {"ske": { "impersonation": section }}})
    }

    fn accepted(section: &Json) -> Impersonation {
        testing::read(&with(section)).unwrap().impersonation.unwrap()
    }

    /// The problems of a section whose user template is fine unless it says otherwise.
    fn refused(field: &str, value: &Json) -> String {
        let mut section = json!({"user": "backstage:{namespace}/{name}"});
        section[field] = value.clone();
        let problems = testing::problems(&with(&section));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains(&format!("stagedoor.ske.impersonation.{field}")),
            "{problems:?}"
        );
        problems.concat()
    }

    #[test]
    fn only_a_user_template_is_needed_and_the_scaffolder_may_act() {
        let read = accepted(&json!({"user": "backstage:{namespace}/{name}"}));
        assert_eq!(
            (read.username_from, read.groups_from_ownership),
            (UsernameFrom::EntityRef, false)
        );
        assert_eq!((read.groups.len(), read.services.len()), (0, 0));
        assert_eq!(read.actors, ["scaffolder"]);
    }

    #[test]
    fn everything_can_be_said() {
        let read = accepted(&json!({
            "user": "{kind}:{namespace}/{name}", "groups": ["portal", "ns:{namespace}"], "usernameFrom": "entityRef",
            "groupsFrom": "ownership", "actors": [], "services": {"external:ci": "backstage:ci", "a.b/c d": "x"},
        }));
        assert_eq!(
            (read.groups.len(), read.groups_from_ownership, read.actors.len()),
            (2, true, 0)
        );
        assert_eq!(read.services["a.b/c d"], "x");
        assert_eq!(read.services["external:ci"], "backstage:ci");
    }

    #[test]
    fn a_user_template_must_tell_users_apart() {
        for template in ["backstage:{name}", "{namespace}", "everybody", "{kind}/{name}"] {
            assert!(
                refused("user", &json!(template)).contains("must use {namespace} and {name}"),
                "{template}"
            );
        }
        assert!(refused("user", &json!("{namespace}-{name}")).contains("same name"));
        assert!(refused("user", &json!("{namespace}/{name}{nobody}")).contains("placeholder"));
        assert!(refused("user", &json!("{namespace}/{name}/{annotation}")).contains("names no annotation"));
        assert!(testing::problems(&with(&json!({})))[0].contains("impersonation.user"));
    }

    #[test]
    fn no_template_or_name_begins_with_system() {
        for name in ["system:{namespace}/{name}", "System:{namespace}/{name}"] {
            assert!(refused("user", &json!(name)).contains("reserved"), "{name}");
        }
        assert!(refused("groups", &json!(["system:masters"])).contains("groups[0]"));
        assert!(
            refused("services", &json!({"external:ci": "system:admin"})).contains("services.external:ci")
        );
        accepted(&json!({"user": "portal:system:{namespace}/{name}", "groups": ["system"]}));
    }

    #[test]
    fn names_that_no_header_carries_are_refused() {
        for name in [
            " {namespace}/{name}",
            "{namespace}/{name} ",
            "ü:{namespace}/{name}",
            "a\n{namespace}/{name}",
        ] {
            assert!(refused("user", &json!(name)).contains("header"), "{name:?}");
        }
    }

    #[test]
    fn with_an_annotation_the_name_is_its_value_unless_the_template_adds_to_it() {
        let read = accepted(&json!({"usernameFrom": "annotation:example.com/login"}));
        assert_eq!(
            read.username_from,
            UsernameFrom::Annotation("example.com/login".to_owned())
        );
        assert_eq!(read.user, Template::only(Field::Annotation));
        let read = accepted(
            &json!({"usernameFrom": "annotation:example.com/login", "user": "oidc:{annotation}",
            "groups": ["of:{annotation}"]}),
        );
        assert!(read.user.uses(Field::Annotation));
        let without = json!({"usernameFrom": "annotation:x", "user": "{namespace}/{name}"});
        assert!(testing::problems(&with(&without))[0].contains("must use {annotation}"));
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for word in ["entityref", "annotation:", "annotation: ", "email"] {
            refused("usernameFrom", &json!(word));
        }
        refused("groupsFrom", &json!("claims"));
        refused("services", &json!(["external:ci"]));
        refused("actors", &json!("scaffolder"));
        refused("groups", &json!(["{namespace"]));
        refused("groups", &json!(["{annotation}"]));
    }
}

//! Texts with `{kind}`, `{namespace}`, `{name}` and `{annotation}` in them, from which names in a cluster are made.

use super::user_ref::UserRef;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Field {
    /// Kind of the user's entity.
    Kind,
    /// Namespace of the user's entity.
    Namespace,
    /// Name of the user's entity.
    Name,
    /// Value of the annotation that `usernameFrom` names.
    Annotation,
}

impl Template {
    /// Reads a template; there is no way to write a brace itself.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence about the key.
    pub(in crate::plugins::ske) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, inside) = rest.split_at(open);
            let (name, after) = inside
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'))
                .ok_or("has a brace without its partner")?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Field(field(name)?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The template that is one placeholder.
    pub(in crate::plugins::ske) fn only(field: Field) -> Self {
        Self(vec![Part::Field(field)])
    }

    /// Whether the placeholder occurs.
    pub(in crate::plugins::ske) fn uses(&self, wanted: Field) -> bool {
        self.0.contains(&Part::Field(wanted))
    }

    /// The text before the first placeholder.
    pub(in crate::plugins::ske) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// All texts between the placeholders.
    pub(in crate::plugins::ske) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Field(_) => None,
        })
    }

    /// Whether two users could be given one name: `{namespace}-{name}` makes the same of `a-b`, `c` and `a`, `b-c`.
    pub(in crate::plugins::ske) fn is_ambiguous(&self) -> bool {
        let apart = |text: &str| text.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
        let mut since: Option<bool> = None;
        for part in &self.0 {
            match part {
                Part::Text(text) => since = since.map(|found| found || apart(text)),
                Part::Field(_) if since == Some(false) => return true,
                Part::Field(_) => since = Some(false),
            }
        }
        false
    }

    /// Puts the user, and the annotation where one is used, into the template.
    pub(in crate::plugins::ske) fn render(&self, user: &UserRef, annotation: &str) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(Field::Kind) => user.kind().to_owned(),
            Part::Field(Field::Namespace) => user.namespace().to_owned(),
            Part::Field(Field::Name) => user.name().to_owned(),
            Part::Field(Field::Annotation) => annotation.to_owned(),
        };
        self.0.iter().map(text).collect()
    }
}

fn field(name: &str) -> Result<Field, String> {
    match name {
        "kind" => Ok(Field::Kind),
        "namespace" => Ok(Field::Namespace),
        "name" => Ok(Field::Name),
        "annotation" => Ok(Field::Annotation),
        _ => Err("has a placeholder that is none of {kind}, {namespace}, {name} and {annotation}".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> String {
        let user = UserRef::parse("user:team-a/jane").unwrap();
        Template::parse(template)
            .unwrap()
            .render(&user, "jane@example.com")
    }

    #[test]
    fn placeholders_are_replaced_and_texts_stay() {
        assert_eq!(rendered("backstage:{namespace}/{name}"), "backstage:team-a/jane");
        assert_eq!(rendered("{kind}:{namespace}/{name}"), "user:team-a/jane");
        assert_eq!(rendered("oidc:{annotation}"), "oidc:jane@example.com");
        assert_eq!(rendered("everybody"), "everybody");
    }

    #[test]
    fn unknown_placeholders_and_lonely_braces_are_refused() {
        for template in ["{foo}", "{}", "{Name}", "{name }", "{{name}}"] {
            let problem = Template::parse(template).unwrap_err();
            assert!(problem.contains("placeholder"), "{template}: {problem}");
        }
        for template in ["{name", "name}", "a}{name}", "}"] {
            let problem = Template::parse(template).unwrap_err();
            assert!(problem.contains("brace"), "{template}: {problem}");
        }
    }

    #[test]
    fn a_template_that_gives_two_users_one_name_is_ambiguous() {
        for template in [
            "{namespace}{name}",
            "{namespace}-{name}",
            "{kind}:{namespace}_{name}",
            "x/{name}.{namespace}",
        ] {
            assert!(Template::parse(template).unwrap().is_ambiguous(), "{template}");
        }
        for template in [
            "{namespace}/{name}",
            "{namespace}--/{name}",
            "{name}",
            "x-{name}-x",
            "{kind}:{namespace}/{name}",
        ] {
            assert!(!Template::parse(template).unwrap().is_ambiguous(), "{template}");
        }
    }
}

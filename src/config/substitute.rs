//! `${NAME}` in texts.

use super::environment::Environment;

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Substituted {
    /// The text with all variables put in; it is not looked at again.
    Text(String),
    /// A variable was missing: the whole value is dropped.
    Missing {
        /// The first variable that was missing.
        variable: String,
    },
}

/// Replaces each `${NAME}` and `${NAME:-default}`, and turns `$${X}` into a literal `${X}`.
pub(super) fn substitute(text: &str, environment: &Environment) -> Substituted {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = next_reference(rest) {
        let (before, reference, after) = split(rest, start, end);
        rest = after;
        match before.strip_suffix('$') {
            Some(before) => result.extend([before, "${", reference, "}"]),
            None => match lookup(reference, environment) {
                Ok(value) => result.extend([before, value]),
                Err(variable) => return Substituted::Missing { variable },
            },
        }
    }
    result.push_str(rest);
    Substituted::Text(result)
}

/// Finds the first `${…}` without braces inside: the position of its `$` and of its `}`.
fn next_reference(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("${")?;
        let inside = start + "${".len();
        let end = inside + text.get(inside..)?.find(['{', '}'])?;
        if text.as_bytes().get(end) == Some(&b'}') {
            return Some((start, end));
        }
        from = end;
        // A `{` that follows a `$` may open a reference of its own.
        if text.as_bytes().get(end.wrapping_sub(1)) == Some(&b'$') {
            from = end - 1;
        }
    }
}

fn split(text: &str, start: usize, end: usize) -> (&str, &str, &str) {
    let (head, after) = text.split_at(end + 1);
    let (before, reference) = head.split_at(start);
    let inside = reference.trim_start_matches("${");
    (before, inside.strip_suffix('}').unwrap_or(inside), after)
}

fn lookup<'a>(reference: &'a str, environment: &'a Environment) -> Result<&'a str, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(super::js::trim(default))),
        None => (reference, None),
    };
    let name = super::js::trim(name);
    let value = environment.trimmed(name);
    let found = match default {
        None => value,
        Some(default) => value.into_iter().chain([default]).find(|text| !text.is_empty()),
    };
    found.ok_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Option<String> {
        let environment = Environment::from_pairs([("A", " a "), ("EMPTY", ""), ("B", "${A}")]);
        match substitute(text, &environment) {
            Substituted::Text(text) => Some(text),
            Substituted::Missing { .. } => None,
        }
    }

    #[test]
    fn variables_are_put_in_trimmed_and_not_looked_at_again() {
        assert_eq!(run("x${A}y${ A }"), Some("xaya".to_owned()));
        assert_eq!(run("${B}"), Some("${A}".to_owned()));
        assert_eq!(run("${EMPTY}"), Some(String::new()));
        assert_eq!(run("x${GONE}"), None);
        assert_eq!(run("${}"), None);
    }

    #[test]
    fn a_default_stands_in_for_a_missing_or_empty_variable() {
        assert_eq!(run("${GONE:- d }"), Some("d".to_owned()));
        assert_eq!(run("${EMPTY:-d}"), Some("d".to_owned()));
        assert_eq!(run("${GONE:-a:-b}"), Some("a:-b".to_owned()));
        assert_eq!(run("${EMPTY:-}"), None);
    }

    #[test]
    fn a_second_dollar_escapes_and_braces_do_not_nest() {
        assert_eq!(run("$${A}"), Some("${A}".to_owned()));
        assert_eq!(run("$$${A}"), Some("$${A}".to_owned()));
        assert_eq!(run("$ $$ ${ ${A}"), Some("$ $$ ${ a".to_owned()));
        assert_eq!(run("${X:-${A}}"), Some("${X:-a}".to_owned()));
        assert_eq!(run("${${A}"), Some("${a".to_owned()));
    }

    #[test]
    fn the_missing_variable_is_named() {
        let missing = substitute("https://${HOST}/${PATH}", &Environment::default());
        assert_eq!(
            missing,
            Substituted::Missing {
                variable: "HOST".to_owned()
            }
        );
    }
}

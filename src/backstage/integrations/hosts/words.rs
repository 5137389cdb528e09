//! What a code host says of a refusal, in whichever of their forms.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::super::error::Said;

/// Longest part of the host's words that is passed on, in characters.
const MAX_WORDS: usize = 200;

/// A credential shorter than this is not looked for in parts.
const SHORTEST_PART: usize = 8;

/// The words of a refusal's body.
pub(super) struct Words(Option<String>);

impl Words {
    /// Reads GitHub's `message` with its `errors[].message`, or GitLab's `message` (text, list or lists by field),
    /// `error` and `error_description`. Nothing when the body is not one of these, such as a proxy's page.
    pub(super) fn of(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return Self(None);
        };
        let mut texts = Vec::new();
        for field in ["message", "errors", "error", "error_description"] {
            collect(body.get(field), &mut texts);
        }
        Self((!texts.is_empty()).then(|| texts.join("; ")))
    }

    /// Whether the host speaks, and not a proxy or another server.
    pub(super) fn are_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the words hold these, written in small letters.
    pub(super) fn say(&self, words: &str) -> bool {
        let said = self.0.as_ref().map(|said| said.to_lowercase());
        said.is_some_and(|said| said.contains(words))
    }

    /// The words on one line of bounded length; none at all when they repeat the credential or a part of it.
    pub(super) fn told(&self, shown: &SecretString) -> Said {
        let said = self.0.as_deref().unwrap_or_default();
        let shown = shown.expose_secret();
        let mut parts = shown
            .split(['.', '_', '-'])
            .filter(|part| part.len() >= SHORTEST_PART);
        let line: String = said
            .chars()
            .map(|each| if each.is_control() { ' ' } else { each })
            .take(MAX_WORDS)
            .collect();
        let line = line.trim();
        if line.is_empty() || said.contains(shown) || parts.any(|part| said.contains(part)) {
            return Said(None);
        }
        Said(Some(line.to_owned()))
    }
}

/// Texts at any place of the value; of objects in a list only their messages.
fn collect(value: Option<&Value>, texts: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => texts.push(text.clone()),
        Some(Value::Array(items)) => items.iter().for_each(|item| match item {
            Value::Object(fields) => collect(fields.get("message"), texts),
            item => collect(Some(item), texts),
        }),
        Some(Value::Object(fields)) => fields.values().for_each(|value| collect(Some(value), texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(body: &Value, shown: &str) -> Option<String> {
        Words::of(body.to_string().as_bytes())
            .told(&SecretString::from(shown))
            .0
    }

    #[test]
    fn the_words_of_both_hosts_are_found() {
        let github = json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "message": "exists"}]});
        assert_eq!(
            told(&github, "shown").as_deref(),
            Some("Validation Failed; exists")
        );
        let gitlab = json!({"message": ["one", "two"]});
        assert_eq!(told(&gitlab, "shown").as_deref(), Some("one; two"));
        let by_field = json!({"message": {"base": ["three"]}});
        assert_eq!(told(&by_field, "shown").as_deref(), Some("three"));
        let scope = json!({"error": "insufficient_scope", "error_description": "more"});
        assert_eq!(told(&scope, "shown").as_deref(), Some("insufficient_scope; more"));
        assert!(!Words::of(b"<html>sign in</html>").are_there());
    }

    #[test]
    fn words_are_one_short_line_and_never_repeat_what_was_shown() {
        let long = told(&json!({"message": format!("a\r\nb{}", "x".repeat(400))}), "shown").unwrap();
        assert!(long.starts_with("a  b") && long.chars().count() <= 200);
        for leak in ["no glpat-canarycanary here", "the part canarycanary"] {
            assert_eq!(told(&json!({"message": leak}), "glpat-canarycanary"), None);
        }
    }
}

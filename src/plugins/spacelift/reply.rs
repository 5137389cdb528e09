//! The body of an answer: data, errors, and what the errors are about.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// How Spacelift says both "dead session" and "no permission"; official clients match the same text.
const UNAUTHORIZED: &str = "unauthorized";

/// Codes of errors about the document, where a server sends codes.
const DOCUMENT_CODES: [&str; 2] = ["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"];

/// How servers begin or put it when a document asks for what the schema lacks, in lower case.
const DOCUMENT_WORDS: [&str; 6] = [
    "cannot query field",
    "unknown argument",
    "unknown field",
    "does not have a field",
    "doesn't exist on type",
    "is not supported by",
];

/// The body of an answer. Has no debug output: that of a login would show the session.
#[derive(Deserialize)]
pub(super) struct Reply<T> {
    pub(super) data: Option<T>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) errors: Vec<ReplyError>,
    /// Whether there was data beside the errors that could not be read.
    #[serde(skip)]
    pub(super) misfit: bool,
    /// Whether the viewer was asked for.
    #[serde(skip)]
    pub(super) viewer_asked: bool,
}

/// One entry of `errors`; clients rely on the message alone, and no code is known.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReplyError {
    #[serde(default)]
    pub(super) message: String,
    /// Where in the document, should be a list.
    locations: Option<Value>,
    /// Which field failed, should be a list.
    path: Option<Value>,
    pub(super) extensions: Option<Value>,
}

impl ReplyError {
    /// The way from the root to the field that failed; empty if it is about none.
    pub(super) fn path(&self) -> &[Value] {
        let path = self.path.as_ref().and_then(Value::as_array);
        path.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether it is about a field of a result, which an operation has only after it took effect.
    pub(super) fn is_about_the_result(&self) -> bool {
        self.path().len() > 1
    }

    /// Whether it may mean a dead session.
    pub(super) fn says_unauthorized(&self) -> bool {
        self.message.to_ascii_lowercase().contains(UNAUTHORIZED)
    }

    /// The lines of the document that it points at, counted from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = usize> {
        let locations = self.locations.as_ref().and_then(Value::as_array);
        let line = |location: &Value| usize::try_from(location.get("line")?.as_u64()?).ok();
        locations.into_iter().flatten().filter_map(line)
    }

    /// Whether the document was refused, before any of it was executed.
    fn is_about_the_document(&self) -> bool {
        if !self.path().is_empty() || self.says_unauthorized() {
            return false;
        }
        let code = self
            .extensions
            .as_ref()
            .and_then(|more| more.get("code")?.as_str());
        let message = self.message.to_lowercase();
        self.lines().next().is_some()
            || code.is_some_and(|code| DOCUMENT_CODES.contains(&code))
            || DOCUMENT_WORDS.iter().any(|words| message.contains(words))
    }
}

impl<T> Reply<T> {
    /// Whether the server refused the document as not fitting its schema. Then nothing had any effect.
    pub(super) fn refuses_the_document(&self) -> bool {
        self.data.is_none() && !self.misfit && self.errors.iter().any(ReplyError::is_about_the_document)
    }

    /// The errors that say why a document was refused: a variable is complained about when what it is for is not there.
    pub(super) fn telling_errors(&self) -> Vec<&ReplyError> {
        let telling: Vec<_> = self
            .errors
            .iter()
            .filter(|error| !error.message.contains('$'))
            .collect();
        if telling.is_empty() {
            self.errors.iter().collect()
        } else {
            telling
        }
    }

    /// The same with other data.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Reply<U> {
        Reply {
            data: self.data.map(change),
            errors: self.errors,
            misfit: self.misfit,
            viewer_asked: self.viewer_asked,
        }
    }
}

impl<T: for<'de> Deserialize<'de>> Reply<T> {
    /// Decodes an answer. Beside errors, data that does not fit counts as missing, so that their text is not lost.
    pub(super) fn decode(body: &[u8]) -> serde_json::Result<Self> {
        let errors = serde_json::from_slice::<Reply<IgnoredAny>>(body)?.errors;
        if errors.is_empty() {
            return serde_json::from_slice(body);
        }
        let data = serde_json::from_slice::<DataOnly<T>>(body).map(|reply| reply.data);
        Ok(Self {
            misfit: data.is_err(),
            data: data.ok().flatten(),
            errors,
            viewer_asked: false,
        })
    }
}

#[derive(Deserialize)]
struct DataOnly<T> {
    data: Option<T>,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<ReplyError>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Stacks = Reply<std::collections::BTreeMap<String, Option<Vec<String>>>>;

    #[test]
    fn the_text_of_an_error_survives_data_that_does_not_fit() {
        let reply =
            Stacks::decode(br#"{"data":{"stacks":[null]},"errors":[{"message":"boom","x":1}]}"#).unwrap();
        assert!(reply.data.is_none() && reply.misfit);
        assert_eq!(reply.errors[0].message, "boom");
        let reply = Stacks::decode(br#"{"data":null,"errors":[{"message":"boom"}]}"#).unwrap();
        assert!(reply.data.is_none() && !reply.misfit);
    }

    #[test]
    fn an_error_is_about_the_result_if_its_path_leads_into_it() {
        for (path, is) in [
            (r#"["runTrigger","state"]"#, true),
            (r#"["stacks",0]"#, true),
            (r#"["runTrigger"]"#, false),
            ("[]", false),
            ("null", false),
            (r#""runTrigger.state""#, false),
        ] {
            let body = format!(r#"{{"data":null,"errors":[{{"message":"boom","path":{path}}}]}}"#);
            let reply = Stacks::decode(body.as_bytes()).unwrap();
            assert_eq!(reply.errors[0].is_about_the_result(), is, "{path}");
        }
        let reply = Stacks::decode(br#"{"errors":[{"message":"boom"}]}"#).unwrap();
        assert!(!reply.errors[0].is_about_the_result());
    }

    #[test]
    fn errors_may_be_null_and_an_answer_that_is_no_object_is_refused() {
        assert!(Stacks::decode(br#"{"data":{"stacks":[]},"errors":null}"#).is_ok());
        for body in [&b"<html>"[..], b"[]", b"3", b"{\"data\":{\"stacks\":[{\"id\""] {
            assert!(Stacks::decode(body).is_err());
        }
    }

    #[test]
    fn a_refused_document_is_told_from_a_refused_caller() {
        let field = r#"Cannot query field \"lockNote\" on type \"Stack\"."#;
        for (data, error, is) in [
            ("", format!(r#"{{"message":"{field}"}}"#), true),
            (r#""data":null,"#, format!(r#"{{"message":"{field}"}}"#), true),
            (
                "",
                r#"{"message":"no","locations":[{"line":1,"column":2}]}"#.into(),
                true,
            ),
            (
                "",
                r#"{"message":"no","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}"#.into(),
                true,
            ),
            (
                r#""data":{"stacks":[]},"#,
                format!(r#"{{"message":"{field}"}}"#),
                false,
            ),
            ("", format!(r#"{{"message":"{field}","path":["stacks"]}}"#), false),
            (
                "",
                r#"{"message":"unauthorized","locations":[{"line":1,"column":2}]}"#.into(),
                false,
            ),
            ("", r#"{"message":"no key x"}"#.into(), false),
        ] {
            let body = format!(r#"{{{data}"errors":[{error}]}}"#);
            let reply = Stacks::decode(body.as_bytes()).unwrap();
            assert_eq!(reply.refuses_the_document(), is, "{body}");
        }
    }
}

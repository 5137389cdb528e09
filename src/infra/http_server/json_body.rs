//! Reads the JSON of a body that has arrived.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::body::BodyError;

/// Values a body may hold, by its commas, colons and brackets. Each is read into some hundred bytes, so that a body of
/// empty values would become a hundred times as large; one of manifests has some 30 bytes for each value.
const MOST_VALUES: usize = 10_000;

/// Deepest nesting of lists and objects: what the JSON library reads later without running out of stack.
const DEEPEST_NESTING: usize = 127;

/// Reads a body; an empty one is no body.
///
/// # Errors
/// As `check`.
pub fn parse(bytes: &[u8]) -> Result<Option<Value>, BodyError> {
    check(bytes)?;
    Ok(match bytes {
        [] => None,
        // What the check took is read.
        bytes => serde_json::from_slice(bytes).ok(),
    })
}

/// Checks a body without making anything of it. An empty body is no body; else the first sign must open an object or a
/// list.
///
/// # Errors
/// It is no JSON, neither object nor list, nests too deeply, or holds too many values.
pub fn check(bytes: &[u8]) -> Result<(), BodyError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let is_container = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => check_shape(bytes, is_container),
        Err(error) if error.is_eof() => Err(BodyError::Syntax("Unexpected end of JSON input".to_owned())),
        Err(error) => Err(BodyError::Syntax(format!(
            "Unexpected token in JSON at line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

fn check_shape(bytes: &[u8], is_container: bool) -> Result<(), BodyError> {
    let (deepest, values) = extent(bytes);
    let problem = match is_container {
        false => "The body must be a JSON object or list".to_owned(),
        true if deepest > DEEPEST_NESTING => "The body is nested too deeply".to_owned(),
        true if values > MOST_VALUES => format!("The body holds more than {MOST_VALUES} values"),
        true => return Ok(()),
    };
    Err(BodyError::Syntax(problem))
}

/// Counts how deep lists and objects lie in each other, and how many values there are, in JSON that is known to be
/// correct.
fn extent(json: &[u8]) -> (usize, usize) {
    let (mut depth, mut deepest, mut values) = (0_usize, 0, 0);
    let mut bytes = json.iter();
    let mut is_text = false;
    while let Some(byte) = bytes.next() {
        match (is_text, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => is_text = !is_text,
            (false, b'[' | b'{') => (depth, values) = (depth + 1, values + 1),
            (false, b',' | b':') => values += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    (deepest, values)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::{super::body::BODY_LIMIT, *};

    fn checked(body: impl AsRef<[u8]>) -> Result<(), BodyError> {
        check(body.as_ref())
    }

    #[test]
    fn what_is_not_json_is_a_syntax_error_that_does_not_repeat_the_body() {
        let error = checked(r#"{"a":"#).unwrap_err();
        assert_eq!(error.to_string(), "Unexpected end of JSON input");
        assert_eq!(
            (error.status(), error.name()),
            (StatusCode::BAD_REQUEST, "SyntaxError")
        );
        assert_eq!(
            Value::Object(error.fields()),
            json!({"expose": true, "statusCode": 400, "status": 400, "type": "entity.parse.failed"})
        );
        for body in ["3", "null", "\"hush\"", "{hush}", "{} {}", "\u{feff}{}"] {
            let error = checked(body).unwrap_err();
            assert!(
                matches!(&error, BodyError::Syntax(message) if !message.contains("hush")),
                "{error}"
            );
        }
    }

    #[test]
    fn nesting_that_could_exhaust_the_stack_is_a_syntax_error() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        for depth in [DEEPEST_NESTING + 1, BODY_LIMIT / 2] {
            assert_eq!(
                checked(nested(depth)),
                Err(BodyError::Syntax("The body is nested too deeply".to_owned()))
            );
        }
        let deepest = nested(DEEPEST_NESTING);
        assert!(serde_json::from_str::<Value>(&deepest).is_ok());
        assert!(checked(deepest).is_ok());
        let text = format!(r#"["{}\"["]"#, "[".repeat(1000));
        assert!(checked(text).is_ok());
    }

    #[test]
    fn a_body_of_very_many_values_is_a_syntax_error() {
        let many = |value: &str| format!("[{}1]", value.repeat(BODY_LIMIT / value.len() - 2));
        for value in ["1,", "[],", "{},", "{\"\":0},", "\"\","] {
            let error = checked(many(value)).unwrap_err();
            assert!(
                error.to_string().contains("more than 10000 values"),
                "{value}: {error}"
            );
        }
        let marks = format!(r#"["{}"]"#, ",:[{".repeat(20_000));
        assert!(checked(marks).is_ok());
        assert!(checked(many("\"some 20 bytes of text\",")).is_ok());
    }
}

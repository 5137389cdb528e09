//! The error body the SKE frontend reads: Backstage's envelope and a top-level `message`.

use serde_json::Value;

use crate::backstage::error::{BackstageError, RequestLine, envelope};

/// Writes the envelope and repeats its message where the frontend's banner looks for it.
pub(super) fn body(error: &BackstageError, request: &RequestLine) -> Value {
    let mut body = envelope(error, request);
    if let Value::Object(fields) = &mut body {
        fields.insert("message".into(), error.message().into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_stands_at_the_top_level_besides_the_envelope() {
        let request = RequestLine {
            method: "GET".into(),
            url: "/resource".into(),
        };
        let body = body(&BackstageError::input("name is missing"), &request);
        assert_eq!(body["message"], "name is missing");
        assert_eq!(body["error"]["name"], "InputError");
        assert_eq!(body["response"]["statusCode"], 400);
    }
}

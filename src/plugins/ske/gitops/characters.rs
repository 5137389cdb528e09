//! Characters that a reader of the repository stops at.

use serde_json::Value;

/// The first character of the object that kustomize does not read, however it is escaped: it hands its YAML reader the
/// text as it is, which takes printable characters alone (go-yaml, "control characters are not allowed"). The file
/// would be valid, and nothing of the folder would be applied any more.
pub(super) fn foreign_character(object: &Value) -> Option<char> {
    match object {
        Value::String(text) => text.chars().find(is_foreign),
        Value::Array(items) => items.iter().find_map(foreign_character),
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let in_key = key.chars().find(is_foreign);
            in_key.or_else(|| foreign_character(value))
        }),
        _ => None,
    }
}

/// Below U+0020 all are escaped on the way, so they pass.
fn is_foreign(character: &char) -> bool {
    matches!(character, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_character_is_found_in_keys_and_values_at_any_depth() {
        for object in [
            json!("a\u{7f}"),
            json!({"a": [1, {"b": "\u{7f}"}]}),
            json!({"a": {"b\u{7f}": null}}),
        ] {
            assert_eq!(foreign_character(&object), Some('\u{7f}'), "{object}");
        }
    }

    #[test]
    fn what_kustomize_was_seen_to_read_is_let_through() {
        let fine = "\0\u{1}\u{1f}\t\r\n ~\u{85}\u{a0}\u{2028}\u{feff}\u{fffd}\u{e000}\u{fdd0}\u{1f600}\u{1ffff}\u{10ffff}";
        assert_eq!(foreign_character(&json!({fine: [fine]})), None);
        for foreign in ['\u{80}', '\u{86}', '\u{9f}', '\u{fffe}', '\u{ffff}'] {
            assert_eq!(foreign_character(&json!(foreign.to_string())), Some(foreign));
        }
    }
}

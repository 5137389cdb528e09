//! The one way by which text about a user leaves the process: into headers, commit trailers and log fields.

use std::fmt::Write as _;

/// Longest encoded text, in bytes: that of a DNS name, which every header and trailer can carry.
const MAX_LENGTH: usize = 253;

/// Keeps `[a-z0-9:/._@+-]`, percent-encodes every other byte, and cuts after 253 bytes between characters.
///
/// The result has no space, no line end and no letter case, so it can end no header and imitate no other field.
pub fn encode_user_text(text: &str) -> String {
    let mut encoded = String::new();
    for each in text.chars() {
        let length = encoded.len();
        let mut bytes = [0; 4];
        each.encode_utf8(&mut bytes)
            .bytes()
            .for_each(|byte| push(&mut encoded, byte));
        if encoded.len() > MAX_LENGTH {
            encoded.truncate(length);
            break;
        }
    }
    encoded
}

fn push(encoded: &mut String, byte: u8) {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b':' | b'/' | b'.' | b'_' | b'@' | b'+' | b'-' => {
            encoded.push(char::from(byte))
        }
        // Writing to a string cannot fail.
        _ => drop(write!(encoded, "%{byte:02X}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_reference_stays_as_it_is() {
        assert_eq!(
            encode_user_text("user:default/jane.doe-1_2+x@y"),
            "user:default/jane.doe-1_2+x@y"
        );
    }

    #[test]
    fn everything_else_is_percent_encoded() {
        assert_eq!(
            encode_user_text("Jane Doe\r\nX: é%"),
            "%4Aane%20%44oe%0D%0A%58:%20%C3%A9%25"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(encode_user_text(&"a".repeat(400)).len(), 253);
        let cut = encode_user_text(&"é".repeat(100));
        assert_eq!(cut, "%C3%A9".repeat(42));
    }
}

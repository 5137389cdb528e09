//! Makes the bytes of a file into the text the parser gets, and undoes that in each scalar.

use std::collections::HashSet;

/// Private-use characters, from which one that the text does not use stands in for a lone CR.
const STAND_INS: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// Text ready for the parser.
pub(super) struct Source {
    pub(super) text: String,
    lone_cr: Option<char>,
}

impl Source {
    /// Invalid UTF-8 becomes U+FFFD, one leading byte order mark goes, CRLF becomes LF.
    ///
    /// A lone CR is text for npm `yaml` but a line break for the parser, so it is hidden.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(&text)
            .replace("\r\n", "\n");
        if !text.contains('\r') {
            return Self { text, lone_cr: None };
        }
        let used: HashSet<char> = text.chars().filter(|c| STAND_INS.contains(c)).collect();
        let lone_cr = STAND_INS.into_iter().find(|stand_in| !used.contains(stand_in));
        match lone_cr {
            Some(stand_in) => Self {
                text: text.replace('\r', stand_in.encode_utf8(&mut [0; 4])),
                lone_cr,
            },
            None => Self { text, lone_cr },
        }
    }

    /// Puts lone CRs back.
    pub(super) fn restore(&self, scalar: &str) -> String {
        match self.lone_cr {
            Some(stand_in) => scalar.replace(stand_in, "\r"),
            None => scalar.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STAND_INS, Source};

    #[test]
    fn a_lone_cr_is_hidden_behind_a_character_the_text_does_not_use() {
        let source = Source::new("\u{feff}a\r\n\u{e000}\rb".as_bytes());
        assert_eq!(source.text, "a\n\u{e000}\u{e001}b");
        assert_eq!(source.restore("\u{e000}\u{e001}b"), "\u{e000}\rb");
    }

    #[test]
    fn a_lone_cr_stays_where_every_stand_in_is_used() {
        let text = STAND_INS.collect::<String>() + "\r";
        assert_eq!(Source::new(text.as_bytes()).text, text);
    }

    #[test]
    fn invalid_utf8_becomes_replacement_characters() {
        assert_eq!(Source::new(b"a: \xff").text, "a: \u{fffd}");
    }
}

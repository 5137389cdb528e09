//! The one line by which a failure reaches the person: HTTP/1.1's reason phrase.
//!
//! The scaffolder drops an error's body and shows `Request failed with <status> <reason phrase>` on the task page.

use secrecy::{ExposeSecret as _, SecretString};

/// Longest phrase, in bytes: one line of a banner, and far below what any client's parser takes for a status line.
const MAX_LENGTH: usize = 200;

/// Longest end of a sentence that is kept where something has to go: what stands before it should still say what failed.
const LONGEST_CURE: usize = 140;

/// Stands in the place of what had to go.
const CUT: &str = "...";

/// What stands in the place of a secret; the log's word.
const MASK: &str = "***";

/// Writes the sentence and the id as a phrase: visible ASCII, one line, no secret, never cut within the id.
pub(crate) fn phrase(sentence: &str, id: Option<&str>, secrets: &[SecretString]) -> String {
    let id = id.map(|id| format!(" [{id}]")).unwrap_or_default();
    let text = visible(&masked(sentence, secrets));
    let room = MAX_LENGTH - id.len().min(MAX_LENGTH);
    shortened(text, room) + &id
}

/// Cuts the middle out, since sentences begin with what happened and end with what to do about it.
fn shortened(mut text: String, room: usize) -> String {
    if text.len() <= room {
        return text;
    }
    let cure = cure(&text).to_owned();
    text.truncate(room.saturating_sub(CUT.len() + cure.len()));
    text + CUT + &cure
}

/// The last part of a sentence with what parts it from the rest; nothing where it is too long to be kept.
fn cure(text: &str) -> &str {
    let clause = text.rfind("; ");
    // The full stop goes with what stands before it.
    let sentence = text.rfind(". ").map(|at| at + 1);
    let cure = clause.max(sentence).map_or("", |at| &text[at..]);
    if cure.len() > LONGEST_CURE { "" } else { cure }
}

/// Before the text is cut: half a secret is one too.
fn masked(text: &str, secrets: &[SecretString]) -> String {
    let known = secrets.iter().map(|secret| secret.expose_secret());
    known.fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

fn visible(text: &str) -> String {
    let visible = |each: char| match each {
        '…' => "...".to_owned(),
        '“' | '”' => '"'.to_string(),
        '‘' | '’' => '\''.to_string(),
        ' '..='~' => each.to_string(),
        each if each.is_whitespace() || each.is_control() => ' '.to_string(),
        _ => '?'.to_string(),
    };
    let text: String = text.chars().map(visible).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(sentence: &str) -> String {
        phrase(sentence, Some("5f3a9c1e-2b"), &[])
    }

    #[test]
    fn the_sentence_comes_first_and_the_id_last() {
        assert_eq!(plain("Stack 'a' is locked"), "Stack 'a' is locked [5f3a9c1e-2b]");
        assert_eq!(phrase("No id", None, &[]), "No id");
    }

    #[test]
    fn it_is_one_line_of_visible_ascii() {
        assert_eq!(
            plain("a\r\nX-Evil: 1\t\u{85}é“x”…"),
            "a  X-Evil: 1  ?\"x\"... [5f3a9c1e-2b]"
        );
        let strange: String = (0..0x2ff).filter_map(char::from_u32).collect();
        assert!(plain(&strange).bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    }

    #[test]
    fn it_is_at_most_200_bytes_and_keeps_the_id() {
        let long = plain(&"long ".repeat(100));
        assert_eq!(long.len(), 200);
        assert!(long.ends_with("... [5f3a9c1e-2b]"), "{long}");
    }

    #[test]
    fn what_to_do_is_kept_where_what_stands_before_it_is_too_long() {
        let long = "long ".repeat(100);
        for (end, kept) in [
            ("; try again", "; try again"),
            (". Ask for it; then try again", "; then try again"),
            ("; no. Ask for it", "... Ask for it"),
        ] {
            let told = plain(&format!("It is {long}{end}"));
            assert_eq!(told.len(), 200, "{told}");
            assert!(
                told.starts_with("It is long ") && told.ends_with(&format!("{kept} [5f3a9c1e-2b]")),
                "{told}"
            );
        }
        let told = plain(&format!("It is so; {long}"));
        assert!(told.len() == 200 && told.starts_with("It is so; long "), "{told}");
    }

    #[test]
    fn a_secret_is_masked_even_where_it_would_be_cut() {
        let secrets = [SecretString::from("hunter2-and-more")];
        assert_eq!(phrase("key hunter2-and-more!", None, &secrets), "key ***!");
        let long = format!("{} hunter2-and-more", "x".repeat(190));
        assert!(!phrase(&long, None, &secrets).contains("hunt"));
    }
}

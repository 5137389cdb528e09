//! GitLab's quick actions: lines that begin with a slash, carried out in the name of whoever sends the text. A caller's text
//! is sent in ours.

/// The text with every such line shown instead of carried out: in Markdown a backslash before a slash is not seen.
///
/// GitLab leaves carriage returns out before it looks for a slash at the beginning of a line, and has changed how it finds
/// the blocks of code that it spares (`lib/gitlab/quick_actions/extractor.rb`); so neither makes a difference here.
pub(super) fn shown(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text.split('\n').map(shown_line).collect();
    lines.join("\n")
}

fn shown_line(line: &str) -> String {
    let seen = line.trim_start_matches(is_unseen);
    match seen.strip_prefix('/') {
        Some(rest) => format!("{}\\/{rest}", &line[..line.len() - seen.len()]),
        None => line.to_owned(),
    }
}

/// Blanks, control characters and what has no width, whichever of them some version leaves out.
fn is_unseen(letter: char) -> bool {
    !letter.is_alphanumeric() && !letter.is_ascii_punctuation()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_line_that_begins_with_a_slash_gets_a_backslash_before_it() {
        for (text, expected) in [
            ("/merge", "\\/merge"),
            (
                "why\n/target_branch production",
                "why\n\\/target_branch production",
            ),
            ("why\r\n/merge\r/close", "why\n\\/merge\n\\/close"),
            ("why\n\r/merge", "why\n\n\\/merge"),
            ("why\n \t/merge", "why\n \t\\/merge"),
            ("why\n\u{feff}/merge", "why\n\u{feff}\\/merge"),
            ("```\n/merge\n```", "```\n\\/merge\n```"),
            ("//merge", "\\//merge"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_other_line_is_left_alone() {
        for text in [
            "",
            "a/b",
            "see https://example.com/x",
            "- /etc\n> /etc\n`/etc`",
            "\\/merge",
            "a\n\nb\n",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}

//! Cuts a file into its documents by their markers, before anything is parsed.
//!
//! A line that begins with `---` or `...` and goes on with white space ends any scalar (YAML 1.2.2, rule
//! `c-forbidden`), so cutting by lines is exact, and a broken document cannot swallow the next one.

use std::ops::Range;

/// Three bytes of UTF-8 that may begin a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where one document stands in its file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// From where the one before ends, with directives and comments, up to the next `---` or past its own `...`.
    pub(super) whole: Range<usize>,
    /// Its `---`, at the beginning of a line.
    pub(super) marker: Option<Range<usize>>,
    /// Its `...` with the rest of that line.
    pub(super) end_marker: Option<Range<usize>>,
    /// Its `%` lines.
    pub(super) directives: Vec<Range<usize>>,
    /// The line `whole` begins on, counted from one.
    pub(super) line: usize,
}

impl Segment {
    fn at(start: usize, line: usize) -> Self {
        Self {
            whole: start..start,
            marker: None,
            end_marker: None,
            directives: Vec::new(),
            line,
        }
    }

    /// Where its text ends, before any `...`.
    pub(super) fn text_end(&self) -> usize {
        self.end_marker
            .as_ref()
            .map_or(self.whole.end, |marker| marker.start)
    }
}

/// Returns the documents in order; comments alone make none.
pub(super) fn segments(text: &str) -> Vec<Segment> {
    let start = text.len() - text.trim_start_matches(BYTE_ORDER_MARK).len();
    let mut splitter = Splitter {
        done: Vec::new(),
        open: Segment::at(start, 1),
        in_body: false,
    };
    for (number, line) in lines(text, start..text.len()).enumerate() {
        splitter.line(&text[line.clone()], line, number + 1);
    }
    splitter.close(text.len());
    splitter.done
}

/// The lines within the range, each with its line break.
pub(super) fn lines(text: &str, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = within.start;
    text[within].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..at
    })
}

/// Whether the line holds neither content nor a directive, at a place where no scalar is open.
pub(super) fn is_blank_or_comment(line: &str) -> bool {
    let inner = line.trim_start();
    inner.is_empty() || inner.starts_with('#')
}

struct Splitter {
    done: Vec<Segment>,
    open: Segment,
    in_body: bool,
}

impl Splitter {
    fn line(&mut self, line: &str, at: Range<usize>, number: usize) {
        if is_marker(line, "---") {
            if self.in_body {
                self.close(at.start);
                self.open = Segment::at(at.start, number);
            }
            self.open.marker = Some(at.start..at.start + 3);
            self.in_body = true;
        } else if is_marker(line, "...") {
            self.open.end_marker = Some(at.clone());
            self.close(at.end);
            self.open = Segment::at(at.end, number + 1);
        } else if !self.in_body && line.starts_with('%') {
            self.open.directives.push(at);
        } else if !is_blank_or_comment(line) {
            self.in_body = true;
        }
    }

    /// Ends the open document, if it is one; directives without a document are kept, as an error to be reported.
    fn close(&mut self, end: usize) {
        self.open.whole.end = end;
        if self.in_body || !self.open.directives.is_empty() {
            self.done.push(self.open.clone());
        }
        self.in_body = false;
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    let rest = line.strip_prefix(marker);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        segments(text)
            .into_iter()
            .map(|segment| &text[segment.whole])
            .collect()
    }

    #[test]
    fn markers_separate_documents_and_belong_to_the_one_they_begin() {
        assert_eq!(texts("a: 1\n---\nb: 2\n"), ["a: 1\n", "---\nb: 2\n"]);
        assert_eq!(
            texts("# top\n---\na: 1\n# tail\n---\nb: 2"),
            ["# top\n---\na: 1\n# tail\n", "---\nb: 2"]
        );
        assert_eq!(
            texts("a: 1\n...\n# c\n---\nb: 2\n"),
            ["a: 1\n...\n", "# c\n---\nb: 2\n"]
        );
        assert_eq!(texts("a: 1\r\n---\r\nb: 2\r\n"), ["a: 1\r\n", "---\r\nb: 2\r\n"]);
    }

    #[test]
    fn only_a_marker_at_the_beginning_of_a_line_and_alone_separates() {
        for text in ["a: |\n  ---\n  b\n", "---a: 1\n", "a: x---\n", "....\n", " ---\n"] {
            assert_eq!(texts(text).len(), 1, "{text:?}");
        }
        assert_eq!(texts("--- {a: 1}\n---\t# b\n---").len(), 3);
    }

    #[test]
    fn comments_and_blank_lines_alone_are_no_document() {
        for text in [
            "",
            "\n\n",
            "# only this\n",
            "\u{feff}# bom\n",
            "...\n",
            "# a\n...\n# b\n",
        ] {
            assert_eq!(texts(text), Vec::<&str>::new(), "{text:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_belongs_to_no_document() {
        assert_eq!(texts("\u{feff}a: 1\n"), ["a: 1\n"]);
    }

    #[test]
    fn directives_belong_to_the_document_after_them_and_text_that_looks_like_one_does_not() {
        let all = segments("a: 1\n%b\n...\n%YAML 1.1\n---\nc: 2\n");
        assert_eq!(all.len(), 2);
        assert!(all[0].directives.is_empty());
        assert_eq!(all[1].directives.iter().collect::<Vec<_>>(), [&(12..22)]);
    }

    #[test]
    fn every_segment_knows_its_line() {
        let lines: Vec<usize> = segments("a: 1\n---\nb\n...\n\nc\n")
            .iter()
            .map(|one| one.line)
            .collect();
        assert_eq!(lines, [1, 2, 5]);
    }
}

//! Where request heads begin in what a connection receives, and whether one of them states its length in two ways.
//!
//! The HTTP library takes a length besides chunks away before anybody sees it, so the bytes are looked at before it.
//! Nothing else is decided here: what is no HTTP at all is the library's to refuse. A length that goes on for longer than
//! is looked at is one nobody writes by intention, and is refused alike.

use std::mem;

/// As much of a line as is looked at: more than the names and numbers that matter.
const LOOKED_AT: usize = 64;

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The line under way, as far as it is looked at; empty when a line arrives in one piece.
    line: Vec<u8>,
    /// Whether that line went on.
    is_cut: bool,
    head: Head,
    heads: u64,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Head,
    /// A body with so many bytes to come.
    Body(u64),
    ChunkSize,
    /// A chunk with so many bytes to come, its line end included.
    Chunk(u64),
    Trailers,
    /// Nothing that can be followed.
    Lost,
}

/// A line, as far as it is looked at.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    is_cut: bool,
}

/// What is known of the head under way.
#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    length: Length,
    has_coding: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Length {
    #[default]
    None,
    Bytes(u64),
    Unreadable,
    /// The line was cut, and what was left out may have been digits.
    Endless,
}

impl Framing {
    /// Reads on. Returns the number of the request, counted from 1, whose head names both a length and a coding, or of
    /// one whose beginning cannot be told for sure.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Option<u64> {
        let mut found = None;
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Lost => return found,
                Place::Body(left) => self.pass((left, Place::Body, Place::Head), bytes),
                Place::Chunk(left) => self.pass((left, Place::Chunk, Place::ChunkSize), bytes),
                Place::Head | Place::ChunkSize | Place::Trailers => {
                    let (piece, rest) = line_of(bytes);
                    found = found.or(self.read(piece));
                    rest
                }
            };
        }
        found
    }

    /// Passes over bytes that are nobody's business here.
    fn pass<'a>(&mut self, (left, on, after): (u64, fn(u64) -> Place, Place), bytes: &'a [u8]) -> &'a [u8] {
        let passed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - passed as u64;
        self.place = if left == 0 { after } else { on(left) };
        bytes.get(passed..).unwrap_or_default()
    }

    /// Takes a line, or the piece of one that is there.
    fn read(&mut self, piece: &[u8]) -> Option<u64> {
        let content = piece.strip_suffix(b"\n");
        let is_whole = content.is_some();
        let content = content.unwrap_or(piece);
        let room = LOOKED_AT.saturating_sub(self.line.len()).min(content.len());
        let (text, more) = content.split_at(room);
        // The end of a line is none of its text.
        let is_cut = self.is_cut || more.iter().any(|byte| *byte != b'\r');
        if is_whole && self.line.is_empty() {
            return self.end_line(Line { text, is_cut });
        }
        self.line.extend_from_slice(text);
        self.is_cut = is_cut;
        if !is_whole {
            return None;
        }
        let line = mem::take(&mut self.line);
        self.is_cut = false;
        self.end_line(Line { text: &line, is_cut })
    }

    fn end_line(&mut self, line: Line<'_>) -> Option<u64> {
        let is_empty = line.text.trim_ascii_end().is_empty() && !line.is_cut;
        match self.place {
            Place::Head if !is_empty => self.head.read(line),
            // Empty lines before a request are passed over.
            Place::Head if self.head.has_begun => return self.end_head(),
            Place::ChunkSize => {
                self.place = chunk(line);
                // Where the next request begins is not known, so it is refused if there is one.
                return (line.is_cut && self.place == Place::Lost).then_some(self.heads + 1);
            }
            Place::Trailers if is_empty => self.place = Place::Head,
            _ => {}
        }
        None
    }

    fn end_head(&mut self) -> Option<u64> {
        let head = mem::take(&mut self.head);
        self.heads += 1;
        self.place = match head.length {
            _ if head.has_coding => Place::ChunkSize,
            Length::None | Length::Bytes(0) => Place::Head,
            Length::Bytes(length) => Place::Body(length),
            Length::Unreadable | Length::Endless => Place::Lost,
        };
        let is_ambiguous = match head.length {
            Length::None => false,
            Length::Endless => true,
            Length::Bytes(_) | Length::Unreadable => head.has_coding,
        };
        is_ambiguous.then_some(self.heads)
    }
}

impl Head {
    fn read(&mut self, line: Line<'_>) {
        if !mem::replace(&mut self.has_begun, true) {
            return;
        }
        let Some(colon) = line.text.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = line.text.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.has_coding = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.length = match number(value.get(1..).unwrap_or_default(), 10) {
                _ if line.is_cut => Length::Endless,
                Some(length) => Length::Bytes(length),
                None => Length::Unreadable,
            };
        }
    }
}

/// The bytes up to and with the first line end, and the rest.
fn line_of(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    bytes.split_at(end.map_or(bytes.len(), |end| end + 1))
}

/// What follows the line with a chunk's size.
fn chunk(line: Line<'_>) -> Place {
    let mut parts = line.text.split(|byte| *byte == b';');
    let size = parts.next().unwrap_or_default();
    // What follows the size may be as long as it likes.
    let is_cut = line.is_cut && parts.next().is_none();
    match number(size, 16) {
        _ if is_cut => Place::Lost,
        Some(0) => Place::Trailers,
        Some(size) => size.checked_add(2).map_or(Place::Lost, Place::Chunk),
        None => Place::Lost,
    }
}

fn number(text: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    u64::from_str_radix(text, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\nTransfer-encoding:chunked\r\n\r\n";
    const SIZED: &str = "POST / HTTP/1.1\r\ncontent-length:  70 \r\nx: y\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";

    /// What is found when the bytes come in pieces of this length.
    fn found(text: &str, piece: usize) -> Option<u64> {
        let mut framing = Framing::default();
        let pieces = text.as_bytes().chunks(piece);
        pieces.fold(None, |found, piece| found.or(framing.follow(piece)))
    }

    #[track_caller]
    fn judge(text: &str, expected: Option<u64>) {
        for piece in [1, 2, 3, 7, 64, text.len()] {
            assert_eq!(found(text, piece), expected, "in pieces of {piece}: {text}");
        }
    }

    #[test]
    fn a_head_with_a_length_and_a_coding_is_found_wherever_it_stands() {
        judge(BOTH, Some(1));
        judge(&format!("\r\n\r\n{PLAIN}{PLAIN}{BOTH}"), Some(3));
        let other_way = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 5\r\n\r\n";
        judge(&format!("{PLAIN}{other_way}"), Some(2));
        judge(&BOTH.replace("\r\n", "\n"), Some(1));
    }

    #[test]
    fn what_only_looks_like_a_head_in_a_body_is_passed_over() {
        assert!(BOTH.len() > 70);
        let body = &BOTH[..70];
        judge(&format!("{SIZED}{body}{PLAIN}"), None);
        judge(&format!("{SIZED}{body}{BOTH}"), Some(2));
        let chunk = format!("{:x};note=1\r\n{BOTH}\r\n", BOTH.len());
        judge(&format!("{CHUNKED}{chunk}{chunk}0\r\n\r\n{PLAIN}"), None);
        judge(
            &format!("{CHUNKED}{chunk}0\r\nx-sum: 1\r\n\r\n{PLAIN}{BOTH}"),
            Some(3),
        );
    }

    #[test]
    fn other_names_and_long_lines_say_nothing() {
        let long = "y".repeat(500);
        let names = format!(
            "POST /{long} HTTP/1.1\r\nx-content-length: 5\r\ncookie: {long}\r\ncontent-lengths: 7\r\n\
             x: transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n"
        );
        judge(&format!("{names}{PLAIN}"), None);
        judge(&format!("{names}{BOTH}"), Some(2));
    }

    #[test]
    fn a_length_that_cannot_be_read_ends_the_following() {
        let strange = "POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n";
        judge(&format!("{strange}{BOTH}"), None);
        judge(&format!("{CHUNKED}nonsense\r\n{BOTH}"), None);
        judge(&format!("{CHUNKED}ffffffffffffffff\r\n{BOTH}"), None);
    }

    #[test]
    fn a_length_that_goes_on_beyond_what_is_looked_at_is_refused_in_however_many_pieces_it_comes() {
        let zeros = "0".repeat(60);
        let endless = format!("POST / HTTP/1.1\r\nhost: x\r\nContent-Length: {zeros}50\r\n\r\n");
        judge(&format!("{PLAIN}{endless}{BOTH}"), Some(2));
        let spaces = format!("POST / HTTP/1.1\r\ncontent-length:{}50\r\n\r\n", " ".repeat(60));
        judge(&spaces, Some(1));
        // As long as it may be.
        let whole = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", "0".repeat(48));
        judge(&format!("{whole}{BOTH}"), Some(2));
    }

    #[test]
    fn after_a_chunk_size_that_goes_on_the_next_request_is_refused_and_long_notes_do_no_harm() {
        let zeros = "0".repeat(70);
        judge(
            &format!("{CHUNKED}{zeros}5\r\nhello\r\n0\r\n\r\n{PLAIN}"),
            Some(2),
        );
        let note = format!("5;note={}\r\nhello\r\n0\r\n\r\n", "x".repeat(200));
        judge(&format!("{CHUNKED}{note}{PLAIN}"), None);
        judge(&format!("{CHUNKED}{note}{PLAIN}{BOTH}"), Some(3));
        let trailer = format!("0\r\nx-sum: {}\r\n\r\n", "y".repeat(200));
        judge(&format!("{CHUNKED}{trailer}{BOTH}"), Some(2));
    }
}

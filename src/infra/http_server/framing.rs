//! Where request heads begin in what a connection receives, and whether one of them states its length in two ways.
//!
//! The HTTP library takes a length besides chunks away before anybody sees it, so the bytes are looked at before it.
//! Nothing else is decided here: what is no HTTP at all is the library's to refuse.

use std::mem;

/// As much of a line as is looked at: more than the names and numbers that matter.
const LOOKED_AT: usize = 64;

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The line under way, as far as it is looked at; empty when a line arrives in one piece.
    line: Vec<u8>,
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
}

impl Framing {
    /// Reads on. Returns the number of the request, counted from 1, whose head names both a length and a coding.
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
        let is_whole = piece.ends_with(b"\n");
        if is_whole && self.line.is_empty() {
            return self.end_line(piece);
        }
        let room = LOOKED_AT.saturating_sub(self.line.len()).min(piece.len());
        self.line.extend_from_slice(piece.get(..room).unwrap_or_default());
        if !is_whole {
            return None;
        }
        let line = mem::take(&mut self.line);
        self.end_line(&line)
    }

    fn end_line(&mut self, line: &[u8]) -> Option<u64> {
        let line = line.trim_ascii_end();
        match self.place {
            Place::Head if !line.is_empty() => self.head.read(line),
            // Empty lines before a request are passed over.
            Place::Head if self.head.has_begun => return self.end_head(),
            Place::ChunkSize => self.place = chunk(line),
            Place::Trailers if line.is_empty() => self.place = Place::Head,
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
            Length::Unreadable => Place::Lost,
        };
        let is_ambiguous = head.has_coding && !matches!(head.length, Length::None);
        is_ambiguous.then_some(self.heads)
    }
}

impl Head {
    fn read(&mut self, line: &[u8]) {
        if !mem::replace(&mut self.has_begun, true) {
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.has_coding = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.length =
                number(value.get(1..).unwrap_or_default(), 10).map_or(Length::Unreadable, Length::Bytes);
        }
    }
}

/// The bytes up to and with the first line end, and the rest.
fn line_of(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    bytes.split_at(end.map_or(bytes.len(), |end| end + 1))
}

/// What follows the line with a chunk's size.
fn chunk(line: &[u8]) -> Place {
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
    match number(size, 16) {
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
}

//! What one sign of an origin may be: itself, anything, or one of a class such as `[a-z0-9]`.

/// The classes that have a name; the origin is ASCII.
type Named = (&'static str, fn(&u8) -> bool);

const NAMED: [Named; 14] = [
    ("[:alnum:]", u8::is_ascii_alphanumeric),
    ("[:alpha:]", u8::is_ascii_alphabetic),
    ("[:ascii:]", u8::is_ascii),
    ("[:blank:]", |byte| matches!(byte, b' ' | b'\t')),
    ("[:cntrl:]", u8::is_ascii_control),
    ("[:digit:]", u8::is_ascii_digit),
    ("[:graph:]", u8::is_ascii_graphic),
    ("[:lower:]", u8::is_ascii_lowercase),
    ("[:print:]", |byte| !byte.is_ascii_control()),
    ("[:punct:]", |byte| {
        byte.is_ascii_punctuation() && !b"$+<=>^`|~".contains(byte)
    }),
    ("[:space:]", u8::is_ascii_whitespace),
    ("[:upper:]", u8::is_ascii_uppercase),
    ("[:word:]", |byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
    ("[:xdigit:]", u8::is_ascii_hexdigit),
];

/// One sign, whose case does not matter.
#[derive(Debug, Clone)]
pub(super) enum Class {
    Any,
    Literal(u8),
    Set {
        is_negated: bool,
        ranges: Vec<(u8, u8)>,
        named: Vec<fn(&u8) -> bool>,
    },
}

impl Class {
    /// One sign in either case.
    pub(super) fn literal(sign: u8) -> Self {
        Self::Literal(sign.to_ascii_lowercase())
    }

    /// Whether the sign, in small letters, is one of these.
    pub(super) fn contains(&self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => *literal == byte,
            Self::Set {
                is_negated,
                ranges,
                named,
            } => {
                let is_in = |byte: u8| {
                    ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte))
                        || named.iter().any(|is| is(&byte))
                };
                (is_in(byte) || is_in(byte.to_ascii_uppercase())) != *is_negated
            }
        }
    }

    /// Reads a class at the beginning of the text, and how much of the text it is; `None` if it does not end.
    pub(super) fn read(text: &str) -> Option<(Self, usize)> {
        let inner = text.strip_prefix('[')?;
        let body = inner.strip_prefix(['!', '^']).unwrap_or(inner);
        let mut reading = Reading {
            rest: body,
            ranges: Vec::new(),
            named: Vec::new(),
        };
        let mut is_first = true;
        loop {
            if !is_first && let Some(rest) = reading.rest.strip_prefix(']') {
                let is_negated = inner.len() > body.len();
                let Reading { ranges, named, .. } = reading;
                // Without anything in it, a class matches nothing, whatever its sense.
                let is_negated = is_negated && !(ranges.is_empty() && named.is_empty());
                return Some((
                    Self::Set {
                        is_negated,
                        ranges,
                        named,
                    },
                    text.len() - rest.len(),
                ));
            }
            is_first = false;
            reading.member()?;
        }
    }
}

/// The members read so far.
struct Reading<'a> {
    rest: &'a str,
    ranges: Vec<(u8, u8)>,
    named: Vec<fn(&u8) -> bool>,
}

impl Reading<'_> {
    fn member(&mut self) -> Option<()> {
        let named = NAMED
            .iter()
            .find_map(|(name, is)| Some((self.rest.strip_prefix(name)?, *is)));
        if let Some((rest, is)) = named {
            self.rest = rest;
            self.named.push(is);
            return Some(());
        }
        let from = self.sign()?;
        if self.rest.starts_with("-]") || !self.rest.starts_with('-') {
            self.ranges.push((from, from));
            return Some(());
        }
        self.rest = self.rest.get(1..)?;
        let to = self.sign()?;
        // A range that runs backwards holds nothing.
        if from <= to {
            self.ranges.push((from, to));
        }
        Some(())
    }

    fn sign(&mut self) -> Option<u8> {
        let text = self.rest.strip_prefix('\\').unwrap_or(self.rest);
        self.rest = text.get(1..)?;
        text.bytes().next()
    }
}

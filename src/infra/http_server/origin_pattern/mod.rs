//! A pattern of `backend.cors.origin`, as npm `minimatch` reads it with Backstage's options (`nocase`, `noglobstar`):
//! braces, `*`, `?`, character classes, `?()`, `*()`, `+()`, `@()`, `!()` and a leading `!`.
//!
//! No crate has the extended groups, and regular expressions without backtracking cannot say `!()`. What a pattern reaches
//! is kept as a set of positions, so that no origin takes longer than its length times the pattern's.

mod braces;
mod class;
mod group;
mod segment;

use self::segment::Segment;

/// Longest origin that is looked at: a host name has at most 253 characters.
const LONGEST_ORIGIN: usize = 300;

/// Longest pattern that is taken.
const LONGEST_PATTERN: usize = 2048;

/// Signs without which a pattern is plain text.
const SPECIAL: [char; 12] = ['*', '?', '[', ']', '{', '}', '(', ')', '\\', '!', '#', '|'];

/// One pattern, made ready.
#[derive(Debug, Clone)]
pub(super) struct OriginPattern {
    is_negated: bool,
    /// What braces stand for: any of these, each in the parts between its slashes.
    choices: Vec<Vec<Segment>>,
}

/// Whether the text stands for itself alone.
pub(super) fn is_plain(text: &str) -> bool {
    let has_form = text
        .split_once("://")
        .is_some_and(|(scheme, host)| !scheme.contains('/') && !host.contains('/'));
    has_form && !text.contains(SPECIAL)
}

impl OriginPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is longer, stands for more, or nests deeper than is taken.
    pub(super) fn read(pattern: &str) -> Result<Self, &'static str> {
        if pattern.len() > LONGEST_PATTERN || !pattern.is_ascii() {
            return Err("it must be ASCII of at most 2048 characters");
        }
        if pattern.starts_with('#') {
            // A comment: it matches nothing, whatever precedes the match.
            return Ok(Self {
                is_negated: false,
                choices: Vec::new(),
            });
        }
        let text = pattern.trim_start_matches('!');
        let is_negated = (pattern.len() - text.len()) % 2 == 1;
        let choices = braces::expand(text)?;
        let choices = choices
            .iter()
            .map(|choice| split(choice).map(Segment::read).collect());
        Ok(Self {
            is_negated,
            choices: choices.collect::<Result<_, _>>()?,
        })
    }

    /// Whether the origin is one of those meant.
    pub(super) fn matches(&self, origin: &str) -> bool {
        if origin.len() > LONGEST_ORIGIN || !origin.is_ascii() {
            return false;
        }
        let origin = origin.to_ascii_lowercase();
        let parts: Vec<&[u8]> = split(&origin).map(str::as_bytes).collect();
        let fits = |choice: &Vec<Segment>| {
            choice.len() == parts.len()
                && choice
                    .iter()
                    .zip(&parts)
                    .all(|(segment, part)| segment.matches(part))
        };
        self.choices.iter().any(fits) != self.is_negated
    }
}

/// The parts between slashes, of which several in a row count as one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let last = text.split('/').count() - 1;
    let parts = text.split('/').enumerate();
    parts
        .filter(move |(number, part)| !part.is_empty() || *number == 0 || *number == last)
        .map(|(_, part)| part)
}

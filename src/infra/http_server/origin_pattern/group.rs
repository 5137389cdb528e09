//! Groups of alternatives, and what of a text a pattern reaches.

use std::collections::HashMap;

use super::segment::Item;

/// Alternatives in brackets.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Tells it from the other groups of its pattern.
    pub(super) id: usize,
    pub(super) kind: Kind,
    pub(super) choices: Vec<Vec<Item>>,
    /// Nothing but other `!()` stands before it; then what it may be begins with no dot.
    pub(super) is_first: bool,
}

/// How often one of the alternatives stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `@()`
    Once,
    /// `?()`
    AtMostOnce,
    /// `+()`
    AtLeastOnce,
    /// `*()`
    Often,
    /// `!()`: anything that is not one of them, looked at together with what follows.
    Not,
}

impl Kind {
    /// Reads the beginning of a group, and returns what follows it.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        let (sign, rest) = text.split_at_checked(1)?;
        let kind = match sign {
            "@" => Self::Once,
            "?" => Self::AtMostOnce,
            "+" => Self::AtLeastOnce,
            "*" => Self::Often,
            "!" => Self::Not,
            _ => return None,
        };
        Some((kind, rest.strip_prefix('(')?))
    }
}

/// What follows a place of a pattern, from within outwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail<'a> {
    pub(super) items: &'a [Item],
    pub(super) next: Option<&'a Tail<'a>>,
}

/// For each place of the text, its end included, whether it is reached.
type Reached = Vec<bool>;

/// One text being compared.
pub(super) struct Matching<'a> {
    text: &'a [u8],
    /// Whether one of a group's alternatives, with what follows, reaches the end from a place.
    known: HashMap<(usize, usize), bool>,
    /// In how many `!()` at once it is being asked what they exclude; there a dot may stand first.
    asking: usize,
}

impl<'a> Matching<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            known: HashMap::new(),
            asking: 0,
        }
    }

    /// Whether what follows reaches the end of the text from the place.
    pub(super) fn reaches_end(&mut self, from: usize, tail: Option<&Tail<'_>>) -> bool {
        let mut reached = vec![false; self.text.len() + 1];
        reached
            .iter_mut()
            .skip(from)
            .take(1)
            .for_each(|place| *place = true);
        let mut tail = tail;
        while let Some(Tail { items, next }) = tail {
            reached = self.sequence(items, reached, *next);
            tail = *next;
        }
        reached.last().copied().unwrap_or(false)
    }

    fn sequence(&mut self, items: &[Item], mut reached: Reached, next: Option<&Tail<'_>>) -> Reached {
        let mut items = items;
        while let [item, rest @ ..] = items {
            let tail = Tail { items: rest, next };
            reached = match item {
                Item::One(class) => {
                    let fits = self.text.iter().map(|byte| class.contains(*byte));
                    let moved = reached
                        .iter()
                        .zip(fits)
                        .map(|(is_reached, fits)| *is_reached && fits);
                    std::iter::once(false).chain(moved).collect()
                }
                Item::Any => onwards(&reached),
                Item::Group(group) => self.group(group, &reached, &tail),
            };
            items = rest;
        }
        reached
    }

    fn group(&mut self, group: &Group, from: &Reached, tail: &Tail<'_>) -> Reached {
        match group.kind {
            Kind::Once => self.choices(group, from, tail),
            Kind::AtMostOnce => either(from, &self.choices(group, from, tail)),
            Kind::AtLeastOnce => {
                let once = self.choices(group, from, tail);
                self.repeated(group, once, tail)
            }
            Kind::Often => self.repeated(group, from.clone(), tail),
            Kind::Not => self.anything_but(group, from, tail),
        }
    }

    fn choices(&mut self, group: &Group, from: &Reached, tail: &Tail<'_>) -> Reached {
        let nothing = vec![false; from.len()];
        group.choices.iter().fold(nothing, |reached, choice| {
            either(&reached, &self.sequence(choice, from.clone(), Some(tail)))
        })
    }

    fn repeated(&mut self, group: &Group, mut reached: Reached, tail: &Tail<'_>) -> Reached {
        loop {
            let more = either(&reached, &self.choices(group, &reached, tail));
            if more == reached {
                return reached;
            }
            reached = more;
        }
    }

    fn anything_but(&mut self, group: &Group, from: &Reached, tail: &Tail<'_>) -> Reached {
        let places = from.iter().enumerate();
        let allowed: Reached = places
            .map(|(place, is_reached)| {
                let is_dot = self.asking == 0 && group.is_first && self.text.get(place) == Some(&b'.');
                *is_reached && !is_dot && !self.excludes(group, place, tail)
            })
            .collect();
        let reached = onwards(&allowed);
        match group.choices.as_slice() {
            // `!()` is anything but nothing.
            [choice] if choice.is_empty() => std::iter::once(false).chain(reached).take(from.len()).collect(),
            _ => reached,
        }
    }

    fn excludes(&mut self, group: &Group, place: usize, tail: &Tail<'_>) -> bool {
        if let [choice] = group.choices.as_slice()
            && choice.is_empty()
        {
            return false;
        }
        if let Some(known) = self.known.get(&(group.id, place)) {
            return *known;
        }
        self.asking += 1;
        let is_excluded = group.choices.iter().any(|items| {
            let next = Some(tail);
            self.reaches_end(place, Some(&Tail { items, next }))
        });
        self.asking -= 1;
        self.known.insert((group.id, place), is_excluded);
        is_excluded
    }
}

/// Every place from the first that is reached.
fn onwards(reached: &Reached) -> Reached {
    let mut is_reached = false;
    let step = |place: &bool| {
        is_reached |= *place;
        is_reached
    };
    reached.iter().map(step).collect()
}

fn either(one: &Reached, other: &Reached) -> Reached {
    one.iter().zip(other).map(|(one, other)| *one || *other).collect()
}

//! What a later file takes away from an earlier one: lists are replaced as a whole, and mappings by anything that is none.

use super::{
    reader::Layer,
    secrets::redacted,
    value::{Object, Value},
};

/// Keys by which a person knows an item of a list.
const NAMES: &[&str] = &[
    "target", "id", "host", "name", "url", "repo", "subject", "title", "type",
];

/// More names than these are counted instead.
const MOST_NAMES: usize = 10;

/// Says which list or mapping of which file another replaced, and what is no longer named.
pub(super) fn sentences(layers: &[Layer]) -> Vec<String> {
    let mut found = Vec::new();
    let mut below = Vec::new();
    for layer in layers {
        for lower in &below {
            compare(lower, (layer, &layer.data), &mut Path::default(), &mut found);
        }
        below.push((layer, &layer.data));
    }
    found
}

/// A mapping of a layer.
type Side<'l> = (&'l Layer, &'l Object);

#[derive(Default)]
struct Path(Vec<String>);

fn compare(lower: &Side<'_>, upper: Side<'_>, path: &mut Path, found: &mut Vec<String>) {
    for (key, over) in upper.1 {
        let Some(under) = lower.1.get(key) else { continue };
        path.0.push(key.clone());
        match (under, over) {
            (Value::Object(under), Value::Object(over)) => {
                compare(&(lower.0, under), (upper.0, over), path, found);
            }
            // Null is how a file takes something away on purpose.
            (Value::Object(_) | Value::Array(_), over) if *over != Value::Null => {
                let lost = lost(under, over);
                if !lost.is_empty() {
                    let (key, under) = (path.0.join("."), kind(under));
                    let (upper, lower) = (&upper.0.context, &lower.0.context);
                    let lost = listed(&lost);
                    found.push(format!(
                        "{upper} replaces the {under} {key} of {lower}; no longer named: {lost}"
                    ));
                }
            }
            _ => {}
        }
        path.0.pop();
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "list",
        _ => "mapping",
    }
}

/// What the value below names and the one above it does not.
fn lost(under: &Value, over: &Value) -> Vec<String> {
    match (under, over) {
        (Value::Array(under), Value::Array(over)) => {
            let still: Vec<Named<'_>> = over.iter().enumerate().map(Named::of).collect();
            under
                .iter()
                .enumerate()
                .map(Named::of)
                .filter_map(|item| item.lost_in(&still))
                .collect()
        }
        (Value::Array(under), _) => under
            .iter()
            .enumerate()
            .map(|item| Named::of(item).shown)
            .collect(),
        (Value::Object(under), _) => under.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// An item of a list as a person knows it.
struct Named<'v> {
    item: &'v Value,
    /// Compared, never shown: it may hold a secret.
    name: String,
    shown: String,
}

impl<'v> Named<'v> {
    fn of((index, item): (usize, &'v Value)) -> Self {
        let hidden = redacted(item);
        Self {
            item,
            name: name(item).unwrap_or_default(),
            shown: name(&hidden).unwrap_or_else(|| format!("entry {}", index + 1)),
        }
    }

    /// What of the item none of the others has: the item, or entries of the lists in it.
    fn lost_in(&self, others: &[Named<'_>]) -> Option<String> {
        if others.iter().any(|other| other.item == self.item) {
            return None;
        }
        let mut same = others
            .iter()
            .filter(|other| !self.name.is_empty() && other.name == self.name)
            .peekable();
        if same.peek().is_none() {
            let inner = texts(self.item);
            let inner = if inner.is_empty() {
                String::new()
            } else {
                format!(" ({})", inner.join(", "))
            };
            return Some(format!("{}{inner}", self.shown));
        }
        let kept: Vec<String> = same.flat_map(|other| texts(other.item)).collect();
        let gone: Vec<String> = texts(self.item)
            .into_iter()
            .filter(|text| !kept.contains(text))
            .collect();
        (!gone.is_empty()).then(|| format!("{} of {}", gone.join(", "), self.shown))
    }
}

/// The scalar by which an item is known, also where a mapping such as `target` or `options` holds it.
fn name(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(entries) => {
            let direct = NAMES.iter().find_map(|key| match entries.get(*key)? {
                Value::String(text) => Some(text.clone()),
                Value::Object(halves) => halves.values().find_map(scalar),
                _ => None,
            });
            let options = entries.get("options").and_then(name);
            options.or(direct)
        }
        other => scalar(other),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(super::js::number_text(*number)),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The texts of the lists in an item, such as the plugins of an endpoint; none that are secret.
fn texts(item: &Value) -> Vec<String> {
    let Value::Object(entries) = redacted(item) else {
        return Vec::new();
    };
    let lists = entries.values().filter_map(|entry| match entry {
        Value::Array(items) => Some(items.iter().filter_map(scalar).collect::<Vec<_>>()),
        _ => None,
    });
    lists.flatten().collect()
}

fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(MOST_NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    fn said(lower: &str, upper: &str) -> Vec<String> {
        let layer = |context: &str, text: &str| match yaml::parse(text.as_bytes()) {
            Ok(Some(Value::Object(data))) => Layer {
                context: context.to_owned(),
                data,
            },
            _ => panic!("{text}"),
        };
        sentences(&[layer("low", lower), layer("top", upper)])
    }

    #[test]
    fn what_a_later_file_takes_away_is_named() {
        for (lower, upper, expected) in [
            (
                "a: {b: [x, y]}",
                "a: {b: [y, z]}",
                "top replaces the list a.b of low; no longer named: x",
            ),
            (
                "a: [{target: t, plugins: [p, q]}]",
                "a: [{target: t, plugins: [q]}]",
                "top replaces the list a of low; no longer named: p of t",
            ),
            (
                "a: [{target: {internal: t}, plugins: [p]}]",
                "a: []",
                "top replaces the list a of low; no longer named: t (p)",
            ),
            (
                "a: [{type: static, options: {token: hidden-1, subject: ci}}]",
                "a: []",
                "top replaces the list a of low; no longer named: ci",
            ),
            (
                "a: [{deep: {er: 1}}]",
                "a: []",
                "top replaces the list a of low; no longer named: entry 1",
            ),
            (
                "a: {connection: {host: h, password: p}}",
                "a: {connection: ':memory:'}",
                "top replaces the mapping a.connection of low; no longer named: host, password",
            ),
            (
                "a: [x]",
                "a: {b: 1}",
                "top replaces the list a of low; no longer named: x",
            ),
            (
                "a: ['https://u:pw@h/x']",
                "a: []",
                "top replaces the list a of low; no longer named: https://<secret>@h/x",
            ),
        ] {
            assert_eq!(said(lower, upper), [expected], "{lower} under {upper}");
        }
    }

    #[test]
    fn what_only_adds_or_removes_on_purpose_is_not_told() {
        for (lower, upper) in [
            ("a: [x]", "a: [x, y]"),
            ("a: [{host: h, x: 1}]", "a: [{host: h, x: 2}]"),
            ("a: {b: 1}", "a: {c: 1}"),
            ("a: [x]", "a: null"),
            ("a: 1", "a: [x]"),
            ("a: 1", "a: 2"),
        ] {
            assert_eq!(said(lower, upper), Vec::<String>::new(), "{lower} under {upper}");
        }
    }
}

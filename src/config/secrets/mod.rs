//! Which values are secrets: for `config print`, for the log and for every line a command prints.
//!
//! Where a value stands decides first (headers, a database's `connection`), then the name of its key, then its form
//! (private keys, user information in URLs, `password=…`).

mod masks;
mod names;
mod text;

use super::{
    ConfigReader,
    environment::Environment,
    js,
    value::{Object, Value},
    yaml,
};

pub use masks::{Masks, WHOLE_WORD_BELOW};

/// What `config print` writes in place of a secret; Backstage's own command writes the same.
const MASK: &str = "<secret>";

/// A secret of this length that turns up inside another text is one there too, such as the secret path of a feed.
const SURELY_COPIED: usize = 16;

/// What of a database's `connection` is shown.
const OPEN_IN_CONNECTION: &[&str] = &["host", "port", "user", "database"];

/// Variables of the environment whose names end like a secret's and hold none.
const PLAIN_VARIABLES: &[&str] = &["PWD", "OLDPWD"];

/// Texts below `headers` and `connection` that say nothing and stand in many a log line.
const COMMON_TEXTS: &[&str] = &[
    ":memory:",
    "application/json",
    "application/yaml",
    "backstage",
    "keep-alive",
    "localhost",
    "no-cache",
    "postgres",
    "stagedoor",
    "text/html",
    "text/plain",
    "verify-ca",
    "verify-full",
];

/// What is known about a value from where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// Below a name of a secret, or below headers: hidden, since any of it may be one.
    Within,
    /// Directly in a database's `connection`.
    Connection,
    /// Right under a name of a secret.
    Named,
}

/// Returns a copy in which every secret is masked.
pub fn redacted(value: &Value) -> Value {
    redacted_within(value, &Environment::default())
}

/// The same where variables of this environment were put in: one with the name of a secret is one under any key.
pub fn redacted_within(value: &Value, environment: &Environment) -> Value {
    let mut copied = secret_values(value);
    copied.retain(|secret| secret.chars().count() >= SURELY_COPIED);
    let mut variables = secret_variables(environment);
    variables.retain(|secret| secret.chars().count() >= WHOLE_WORD_BELOW);
    copied.extend(variables);
    let copies = Masks::of(copied.iter().map(String::as_str));
    Walk {
        visit: &mut |value, standing| shown(value, standing, copies.as_ref()),
    }
    .value(value, Standing::Open)
}

/// Returns the secret texts no line may show, longest first.
///
/// Of a text with several lines each longer line is taken as well, because a log breaks it up; of a URL with a password,
/// also the password alone.
pub fn secret_values(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Walk {
        visit: &mut |value, standing| {
            found.extend(searched_for(value, standing));
            Value::Null
        },
    }
    .value(value, Standing::Open);
    sorted(found)
}

/// Returns every value that no line of a process may show: of its configuration, and of its environment.
pub fn every_secret(reader: &ConfigReader, environment: &Environment) -> Vec<String> {
    let all = reader.get("").ok().flatten();
    let configured = all.as_ref().map(secret_values).unwrap_or_default();
    [configured, secret_variables(environment)].concat()
}

/// Returns the values of the variables whose names are those of secrets.
fn secret_variables(environment: &Environment) -> Vec<String> {
    let is_secret = |name: &str| names::is_secret(name) && !PLAIN_VARIABLES.contains(&name);
    let secret = environment.iter().filter(|(name, _)| is_secret(name));
    sorted(secret.flat_map(|(_, value)| forms(value)).collect())
}

fn sorted(mut secrets: Vec<String>) -> Vec<String> {
    secrets.retain(|text| !text.is_empty());
    secrets.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    secrets.dedup();
    secrets
}

/// What `config print` shows of a scalar.
fn shown(value: &Value, standing: Standing, copies: Option<&Masks>) -> Value {
    match (value, standing) {
        (Value::String(text), Standing::Open) => Value::String(open_text(text, copies)),
        (_, Standing::Open) | (Value::Null, _) => value.clone(),
        _ => Value::String(MASK.to_owned()),
    }
}

fn open_text(text: &str, copies: Option<&Masks>) -> String {
    if !secrets_in_document(text).is_empty() {
        return MASK.to_owned();
    }
    let masked = text::masked(text, MASK).unwrap_or_else(|| text.to_owned());
    copies.map_or_else(|| masked.clone(), |copies| copies.masked_text(&masked, MASK))
}

/// The secrets of a text that is YAML or JSON itself.
fn secrets_in_document(text: &str) -> Vec<String> {
    let may_be_one = text.contains(": ") || text.trim_start().starts_with(['{', '[']);
    let document = may_be_one
        .then(|| yaml::parse(text.as_bytes()).ok().flatten())
        .flatten();
    let nested = document.filter(|document| matches!(document, Value::Object(_) | Value::Array(_)));
    nested.as_ref().map(secret_values).unwrap_or_default()
}

/// What of a scalar the log is searched for.
fn searched_for(value: &Value, standing: Standing) -> Vec<String> {
    let is_common = |text: &str| text.chars().count() < WHOLE_WORD_BELOW || COMMON_TEXTS.contains(&text);
    match (value, standing) {
        (Value::String(text), Standing::Named) => forms(text),
        (Value::String(text), Standing::Within | Standing::Connection) => {
            let mut forms = forms(text);
            forms.retain(|form| !is_common(form));
            forms
        }
        (Value::String(text), Standing::Open) => [secrets_in_document(text), text::secrets(text)].concat(),
        (Value::Number(number), Standing::Named | Standing::Within) => vec![js::number_text(*number)],
        _ => Vec::new(),
    }
}

/// A secret as it is, and the parts of it that may turn up alone.
fn forms(text: &str) -> Vec<String> {
    let text = text.trim();
    let mut forms = vec![text.to_owned()];
    // Long enough not to be the frame of a PEM block, or a word.
    let is_piece = |piece: &&str| piece.chars().count() >= WHOLE_WORD_BELOW && !piece.starts_with("-----");
    let lines = text
        .split(['\n', '\r'])
        .flat_map(|line| line.split("\\n"))
        .map(str::trim);
    forms.extend(lines.filter(is_piece).map(str::to_owned));
    // `Bearer …`, `Basic …`; `user:password`; the path of a secret address.
    let behind = |separator: &str| text.split_once(separator).map(|(_, rest)| rest.trim());
    let path = behind("://")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path);
    let pieces = [behind(" "), behind(":"), path].into_iter().flatten();
    forms.extend(pieces.filter(is_piece).map(str::to_owned));
    forms.extend(text::secrets(text));
    forms
}

/// Goes through a configuration and copies it; every scalar is put through `visit`.
struct Walk<'v> {
    visit: &'v mut dyn FnMut(&Value, Standing) -> Value,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, standing: Standing) -> Value {
        match value {
            Value::Object(entries) => self.entries(entries, "", standing),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item, standing)).collect())
            }
            scalar => (self.visit)(scalar, standing),
        }
    }

    fn entries(&mut self, entries: &Object, holder: &str, standing: Standing) -> Value {
        let copy = entries.iter().map(|(key, entry)| {
            let below = below(standing, holder, (key, entry), entries);
            let copy = match entry {
                Value::Object(inner) => self.entries(inner, key, below),
                Value::Array(items) => {
                    Value::Array(items.iter().map(|item| self.item(item, key, below)).collect())
                }
                scalar => (self.visit)(scalar, below),
            };
            (key.clone(), copy)
        });
        Value::Object(copy.collect())
    }

    fn item(&mut self, item: &Value, holder: &str, standing: Standing) -> Value {
        match item {
            Value::Object(inner) => self.entries(inner, holder, standing),
            other => self.value(other, standing),
        }
    }
}

/// What is known about an entry of a mapping that is the value of `holder`.
fn below(standing: Standing, holder: &str, (key, entry): (&str, &Value), beside: &Object) -> Standing {
    let is_mapping = matches!(entry, Value::Object(_)) || holds_mappings(entry);
    let others = || beside.keys().map(String::as_str).filter(|other| *other != key);
    let is_named = (names::is_secret(key) && !(is_mapping && names::is_section_too(key)))
        || (!is_mapping && names::is_private_key(key, holder, others()))
        || is_value_of_secret(key, beside);
    // Whether browsers may send theirs: a switch, not a secret.
    let is_switch = holder == "cors" && key == "credentials";
    match standing {
        Standing::Open if is_switch => Standing::Open,
        Standing::Connection if !is_mapping && OPEN_IN_CONNECTION.contains(&key) => Standing::Open,
        _ if is_named && !is_mapping => Standing::Named,
        Standing::Open if is_named || names::are_headers(key) => Standing::Within,
        Standing::Open if key.eq_ignore_ascii_case("connection") => match entry {
            Value::Object(_) => Standing::Connection,
            _ => Standing::Named,
        },
        Standing::Open => Standing::Open,
        _ => Standing::Within,
    }
}

fn holds_mappings(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.iter().any(|item| matches!(item, Value::Object(_) | Value::Array(_))))
}

/// Whether the entry is the `value` beside a `name` that is a secret's, as in lists of variables.
fn is_value_of_secret(key: &str, beside: &Object) -> bool {
    let is_secret = |name: &Value| matches!(name, Value::String(name) if names::is_secret(name));
    key.eq_ignore_ascii_case("value")
        && ["name", "key"]
            .iter()
            .filter_map(|name| beside.get(*name))
            .any(is_secret)
}

#[cfg(test)]
mod tests;

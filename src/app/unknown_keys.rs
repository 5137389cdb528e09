//! Keys that mean nothing to us: usually a typing mistake or the wrong place, so they are told once at the start.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value as Json;
use strsim::damerau_levenshtein;

use crate::config::{ConfigReader, Object, Value, yaml};

/// Every key of the sections that are ours: the schema a portal may add to its own strict check.
static OURS: LazyLock<Known> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../schema/app-config.schema.json"));
    Known::of_schema(&schema.unwrap_or(Json::Null))
});

/// What we read of the sections we share; Backstage and its plugins know more keys there.
static SHARED: LazyLock<Known> = LazyLock::new(|| {
    let texts = [include_str!("../../app-config.example.yaml"), MORE];
    let mut known = Known::default();
    for text in texts {
        if let Ok(Some(value)) = yaml::parse(text.as_bytes()) {
            known.add(&value, "");
        }
    }
    known.below.retain(|section, _| !OURS.below.contains_key(section));
    known
});

/// Keys that the example shows in comments, or not at all, because one form excludes another.
const MORE: &str = "
backend:
  https: {certificate: {cert: x, key: x}}
  auth: {keys: [{secret: x}], externalAccess: [{options: {secret: x}, accessRestrictions: [{permission: x}]}]}
  database: {connection: {host: x, port: x, user: x, password: x, database: x}}
integrations:
  github: [{apps: [{appId: x, privateKey: x, clientId: x, clientSecret: x, webhookSecret: x, allowedInstallationOwners: x}]}]
kubernetes: {clusterLocatorMethods: [{clusters: [{caFile: x, caData: x}]}]}
";

/// Mappings whose keys are free names, not fields.
const OPEN: &[&str] = &[
    "auth.providers",
    "backend.csp",
    "backend.database.plugin",
    "backend.health.headers",
    "backend.logger.meta",
    "backend.logger.overrides.matchers",
    "backend.rateLimit.plugin",
];

/// Mappings whose kinds take keys that others have one level below.
const MIXED: &[&str] = &["kubernetes.clusterLocatorMethods"];

/// Names that mean one thing wherever they stand.
const DISTINCT: &[&str] = &[
    "clusterLocatorMethods",
    "dangerouslyDisableDefaultAuthPolicy",
    "deletePromises",
    "externalAccess",
    "feedSecret",
    "impersonation",
    "knownPluginsOnly",
    "platformName",
    "pluginDivisionMode",
    "pluginKeyStore",
    "pluginSources",
    "repoUrl",
    "serviceLocatorMethod",
    "severityLogLevelMappings",
    "trustProxy",
    "writeCallers",
];

/// A section's name must be this long for a similar one to be taken for it.
const SHORTEST_SECTION: usize = 5;

/// A name of this length with a typing mistake is hardly another name.
const LONG: usize = 8;

/// Keys that are known, and those below each; items of a list count as the list.
#[derive(Debug, Default)]
struct Known {
    below: BTreeMap<String, Known>,
}

/// A mapping that is looked at.
#[derive(Clone, Copy)]
struct Place<'p> {
    known: &'p Known,
    path: &'p str,
    is_ours: bool,
}

/// Returns a sentence about every key that is nearly one we read or stands in the wrong place, and about every other key
/// of our own sections that nothing reads.
///
/// They are warned of and not refused, because the file is shared with the frontend and with Backstage itself.
pub(super) fn find(reader: &ConfigReader) -> Vec<String> {
    let Ok(Some(Value::Object(whole))) = reader.get("") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (path, value) in &whole {
        let ours = OURS.below.get(path).map(|known| (known, true));
        match ours.or_else(|| SHARED.below.get(path).map(|known| (known, false))) {
            Some((known, is_ours)) => look(value, Place { known, path, is_ours }, &mut found),
            None => found.extend(sentence(path, &section_meant(path, &whole), false)),
        }
    }
    found
}

fn look(value: &Value, place: Place<'_>, found: &mut Vec<String>) {
    match value {
        Value::Object(mapping) if !place.known.below.is_empty() => {
            for (key, value) in mapping {
                let path = &format!("{}.{key}", place.path);
                match place.known.below.get(key) {
                    Some(known) => look(value, Place { known, path, ..place }, found),
                    None => found.extend(sentence(path, &place.meant(key), place.is_ours)),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = &format!("{}[{index}]", place.path);
                look(item, Place { path, ..place }, found);
            }
        }
        _ => {}
    }
}

fn sentence(key: &str, meant: &[String], is_ours: bool) -> Option<String> {
    let cure = match meant {
        [] if is_ours => "is it a typing mistake?".to_owned(),
        [] => return None,
        meant => format!("did you mean {}?", meant.join(" or ")),
    };
    Some(format!("{key} is not a key Stagedoor knows; {cure}"))
}

/// What a section may have been meant to be that is none of ours, and none that we share.
fn section_meant(section: &str, whole: &Object) -> Vec<String> {
    let is_meant = |name: &&String| {
        let same = letters(name) == letters(section);
        let near = name.len().min(section.len()) >= SHORTEST_SECTION && is_near(section, name);
        !whole.contains_key(*name) && (same || near)
    };
    let sections = OURS.below.keys().chain(SHARED.below.keys());
    let meant: Vec<String> = sections.filter(is_meant).cloned().collect();
    if meant.is_empty() {
        return elsewhere(section, false);
    }
    meant
}

impl Place<'_> {
    /// What an unknown key may have been meant to be, as full paths.
    fn meant(self, key: &str) -> Vec<String> {
        let near = self
            .known
            .below
            .keys()
            .filter(|name| is_near(key, name) || (self.is_ours && is_part(key, name)))
            .min_by_key(|name| damerau_levenshtein(&letters(key), &letters(name)));
        if let Some(name) = near {
            return vec![format!("{}.{name}", self.path)];
        }
        let inside = self.inside(key);
        match inside.is_empty() || MIXED.contains(&without_indexes(self.path).as_str()) {
            true => elsewhere(key, self.is_ours),
            false => inside,
        }
    }

    /// Where the key is known one level below; a long one also with a typing mistake.
    fn inside(self, key: &str) -> Vec<String> {
        let is_meant = |name: &&String| *name == key || (key.len() >= LONG && is_near(key, name));
        let holders = self.known.below.iter();
        let names = holders.flat_map(|(holder, inner)| inner.below.keys().map(move |name| (holder, name)));
        names
            .filter(|(_, name)| is_meant(name))
            .map(|(holder, name)| format!("{}.{holder}.{name}", self.path))
            .collect()
    }
}

/// Where else the name is known; a common name only among our own keys, for one of our own sections.
fn elsewhere(key: &str, is_ours: bool) -> Vec<String> {
    let mut paths = Vec::new();
    if is_ours || DISTINCT.contains(&key) {
        OURS.paths_to(key, "", &mut paths);
    }
    if DISTINCT.contains(&key) {
        SHARED.paths_to(key, "", &mut paths);
    }
    paths
}

/// Whether one is the other with a typing mistake, or in another spelling.
fn is_near(key: &str, name: &str) -> bool {
    let (key, name) = (singular(letters(key)), singular(letters(name)));
    let shorter = key.len().min(name.len());
    shorter >= 3 && damerau_levenshtein(&key, &name) <= (shorter / 4).max(1)
}

/// Whether one is the other with something before or behind it: `apiKeyId`, `host`.
fn is_part(key: &str, name: &str) -> bool {
    let (key, name) = (letters(key), letters(name));
    key.len().min(name.len()) >= 3 && (key.contains(&name) || name.contains(&key))
}

fn singular(name: String) -> String {
    match (name.strip_suffix("ies"), name.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => name,
    }
}

fn letters(name: &str) -> String {
    let letters = name.chars().filter(|each| each.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn without_indexes(path: &str) -> String {
    let parts = path
        .split('[')
        .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    parts.collect()
}

impl Known {
    fn of_schema(schema: &Json) -> Self {
        let of_list = schema["items"]["properties"].as_object();
        let entries = schema["properties"].as_object().or(of_list).into_iter().flatten();
        Self {
            below: entries
                .map(|(key, inner)| (key.clone(), Self::of_schema(inner)))
                .collect(),
        }
    }

    /// Adds the keys of a configuration that uses all of them.
    fn add(&mut self, value: &Value, path: &str) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item, path)),
            Value::Object(entries) if !OPEN.contains(&path) => {
                for (key, inner) in entries {
                    let dot = if path.is_empty() { "" } else { "." };
                    let below = self.below.entry(key.clone()).or_default();
                    below.add(inner, &format!("{path}{dot}{key}"));
                }
            }
            _ => {}
        }
    }

    fn paths_to(&self, key: &str, path: &str, found: &mut Vec<String>) {
        for (name, inner) in &self.below {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{name}");
            inner.paths_to(key, &path, found);
            if name == key {
                found.push(path);
            }
        }
    }
}

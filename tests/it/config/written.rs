//! What we write as YAML means the same to a reader of YAML 1.1 (PyYAML) and of YAML 1.2 (npm `yaml`).

use serde_json::{Value as Json, json};
use stagedoor::config::yaml::{Form, write};

use super::generate::Random;
use crate::support::{node, python};

const SEED: u64 = 20_261_122;
const RANDOM: usize = 1500;

/// Texts that some reader takes for something else when they stand without quotes.
const WORDS: &[&str] = &[
    "yes",
    "Yes",
    "YES",
    "no",
    "on",
    "On",
    "off",
    "y",
    "Y",
    "n",
    "true",
    "True",
    "false",
    "null",
    "Null",
    "~",
    "",
    "<<",
    "=",
    "1_000",
    "1_000.5",
    "12:30",
    "12:30:45",
    "-1:30",
    "0:0",
    "190:20:30.15",
    "014",
    "0o14",
    "0x1F",
    "0b11",
    "08",
    "1e3",
    "1E3",
    "1e+3",
    "1.5e3",
    "e3",
    "1.",
    ".5",
    ".",
    "..",
    "+",
    "-",
    "+1",
    "-0",
    "1,000",
    ".inf",
    "-.INF",
    ".nan",
    "NaN",
    "inf",
    "2026-01-31",
    "2026-1-1",
    "2026-01-31T10:00:00Z",
    "2026-01-31 10:00:00",
    "2026-01-31 10:00:00 +1",
    "---",
    "--- a",
    "...",
    "... ",
    "- a",
    "-a",
    "? a",
    ": a",
    "a: b",
    "a:",
    "a :b",
    "# a",
    "a #b",
    "a#b",
    "[a]",
    "{a}",
    "&a",
    "*a",
    "!a",
    "!!int 1",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "'a'",
    "\"a\"",
    "'",
    "\"",
    "\\",
    "a\\n",
    " a",
    "a ",
    "\ta",
    "a\t",
    " ",
    "\t",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "a\n\n\n",
    "\na",
    "\n a",
    " \na",
    "a\nb",
    "a\nb\n",
    "a\n b\n",
    "a \nb",
    "a\n ",
    "a\n  \n",
    "a\n\t\n",
    "\ta\nb",
    "a\n\tb",
    "# a\nb",
    "a\n# b\n",
    "a\n---\nb",
    "a\n...\n",
    "a\r\nb",
    "a\rb",
    "\r",
    "ü",
    "日本",
    "😀",
    "\u{85}",
    "a\u{85}b",
    "\u{2028}",
    "a\u{2029}b\nc",
    "\u{feff}",
    "\u{feff}a",
    "a\u{feff}\nb",
    "\0",
    "\u{1b}[0m",
    "\u{7f}",
    "\u{a0}",
    "\u{200b}",
    "\u{fffd}",
    "\u{e000}",
    "\u{fffe}",
    "x\u{10ffff}",
    "null\n",
    "yes\n",
];

/// What texts are made of: what numbers, dates, indicators and line breaks are made of.
const PIECES: &[&str] = &[
    "0", "1", "9", "_", ".", "-", "+", ":", "e", "E", "x", "o", "b", "T", "Z", " ", "  ", "\t", "\n", "\n\n",
    "a", "y", "#", "'", "\"", "\\", "[", "]", "{", "}", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?",
    "=", "<", "~", "\u{85}", "\u{2028}", "ü", "😀", "- ", ": ", " #", "---", "...",
];

fn texts() -> Vec<String> {
    let mut random = Random::new(SEED);
    let made_up = (0..RANDOM).map(|number| {
        // Short ones first: most surprises have three characters.
        let longest = if number * 2 < RANDOM { 3 } else { 12 };
        let pieces = 1 + random.below(longest);
        (0..pieces).map(|_| random.pick(PIECES)).collect::<String>()
    });
    WORDS
        .iter()
        .map(|word| (*word).to_owned())
        .chain(made_up)
        .collect()
}

/// Each text as a value, an item, a value below an item, and a key.
fn objects() -> Vec<Json> {
    let long = "a long line of words that goes on ".repeat(20);
    let numbers = json!([
        0,
        -1,
        80,
        9_007_199_254_740_991_i64,
        0.5,
        -0.25,
        1e-7,
        1.5e-10,
        123456.789,
        0.1
    ]);
    let mut objects: Vec<Json> = texts()
        .into_iter()
        .map(|text| json!({"value": text, "items": [text, {"below": text, "list": [[text], {}]}], "keys": {text.clone(): text}}))
        .collect();
    objects.push(json!({"long": long, "lines": format!("{long}\n{long}\n"), "numbers": numbers}));
    objects.push(json!({"empty": {"list": [], "map": {}, "null": null, "flags": [true, false]}}));
    objects
}

#[track_caller]
fn assert_read_alike(form: Form, reader: impl Fn(&Json) -> Json) {
    let objects = objects();
    let texts: Vec<String> = objects
        .iter()
        .map(|object| write(object, form).unwrap())
        .collect();
    let read = reader(&json!(texts));
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), objects.len());
    let differing: Vec<_> = objects
        .iter()
        .zip(&texts)
        .zip(read)
        .filter(|((meant, _), read)| !same(meant, read))
        .map(|((_, text), read)| format!("{text}\nis read as {read}"))
        .collect();
    let some = differing.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        differing.is_empty(),
        "{} of {}:\n{some}",
        differing.len(),
        objects.len()
    );
}

/// Numbers are the same whatever their type: JSON from elsewhere writes `1.0` for 1.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            let found =
                |(key, entry): (&String, &Json)| other.get(key).is_some_and(|other| same(entry, other));
            one.len() == other.len() && one.iter().all(found)
        }
        _ => one == other,
    }
}

#[test]
fn yaml_1_1_reads_what_was_meant() {
    assert_read_alike(Form::Block, |texts| python::ask("read-yaml.py", texts));
}

#[test]
fn yaml_1_2_reads_what_was_meant() {
    assert_read_alike(Form::Block, |texts| {
        node::ask("config-loader", "read-yaml.mjs", texts)
    });
}

#[test]
fn json_is_the_same_to_both() {
    assert_read_alike(Form::Json, |texts| python::ask("read-yaml.py", texts));
    assert_read_alike(Form::Json, |texts| {
        node::ask("config-loader", "read-yaml.mjs", texts)
    });
}

#[test]
fn the_readers_do_tell_what_is_not_text() {
    let texts = json!(["a: yes", "yes: a", "a: 12:30", "a: 2026-01-31", "a: [", "a: 014"]);
    assert_eq!(
        python::ask("read-yaml.py", &texts).as_array().unwrap()[..4],
        [
            json!({"a": true}),
            json!({"$key": ["bool"]}),
            json!({"a": 750}),
            json!({"a": {"$type": "date"}})
        ]
    );
    let read = node::ask("config-loader", "read-yaml.mjs", &texts);
    assert_eq!((&read[0], &read[5]), (&json!({"a": "yes"}), &json!({"a": 14})));
    assert!(read[4].get("$error").is_some(), "{read}");
}

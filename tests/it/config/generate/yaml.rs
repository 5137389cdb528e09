//! Made-up YAML and JSON texts.

use super::Random;

/// Keys that a getter can name.
const READABLE: &[&str] = &[
    "a", "b", "c", "obj", "list", "n-1", "seconds", "minutes", "duration",
];

/// Keys it cannot, or that are not what they look like.
const ODD: &[&str] = &[
    "'quoted key'",
    "9x",
    "1",
    "0x10",
    "014",
    "true",
    "~",
    "2.50",
    "1e3",
    "<<",
    "\"\"",
    "$other",
    "x.y",
    "é",
    "'1'",
    "-1",
    ".nan",
    "? z",
    "!!str 5",
    "\"\\u0041\"",
];

const SCALARS: &[&str] = &[
    "1",
    "-7",
    "+5",
    "014",
    "0o14",
    "0x1F",
    "0xFFFFFFFFFFFFFFFFFF",
    "0b11",
    "1_000",
    "1:30",
    "0XFF",
    "-0x10",
    "0o9",
    "00",
    "-0",
    ".5",
    "5.",
    "-.5e2",
    "1e3",
    "1E400",
    "1e-7",
    "123456789012345678901234567890",
    "0.1",
    ".inf",
    "-.INF",
    ".NaN",
    "inf",
    "nan",
    "e3",
    "+.e3",
    "1.2.3",
    "true",
    "True",
    "TRUE",
    "tRue",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "",
    "2024-01-31",
    "2024-01-31T10:00:00Z",
    "12:30:45",
    "text",
    "two words",
    "http://host:80/p?q#f",
    "a#b",
    "::x",
    "-x",
    "?x",
    "ключ",
    "😀",
    "\u{a0}x\u{a0}",
    "''",
    "'it''s'",
    "\"\"",
    "\"tab\\tnewline\\n\\u00e9\\x41\"",
    "\"two  \n    lines\"",
    "'single\n\n    lines'",
    "plain over\n    two lines",
    "|\n      literal\n       text\n",
    "|-\n      chomped\n",
    "|+\n      kept\n\n",
    ">\n      folded\n      text\n\n      more\n",
    ">-\n      ${A}\n      tail",
    "!!str 12",
    "!!int \"12\"",
    "!!int x",
    "!!float 3",
    "!!float '3.5'",
    "!!bool \"true\"",
    "!!bool yes",
    "!!null ''",
    "!custom 12",
    "! 12",
    "!!str",
    "\"${A}\"",
    "${A}",
    "x-${A}-y",
    "${ A }",
    "${EMPTY}",
    "${BLANK}",
    "${NUMBER}",
    "${GONE}",
    "pre ${GONE} post",
    "${GONE:-fallback}",
    "${EMPTY:- d }",
    "${GONE:-}",
    "${GONE:-a:-b}",
    "$${A}",
    "$$${A}",
    "$ $$ ${",
    "\"${A:-${REF}}\"",
    "${REF}",
    "${}",
    "$A",
    "\"}${A}{\"",
    "30s",
    "2 days",
    "1.5h",
    "1500ms",
    "1y",
    "PT1M30S",
    "P1DT2H",
    "P1M",
    "PT0S",
    "P1H",
    "PT",
    "PT1.25S",
    "30",
    "soon",
    " 5 ",
    "' 12 '",
    "'0x10'",
    "'0b2'",
    "'Infinity'",
    "'1e3'",
    "'TRUE '",
    "'maybe'",
    "'Off'",
    "2",
    "1.0",
    "0",
];

const DIRECTIVES: &[&str] = &[
    "$env: A",
    "$env: EMPTY",
    "$env: GONE",
    "$env: ' A'",
    "$env: 5",
    "$env: \"${REF}\"",
    "$env: \"${GONE}\"",
    "$env: REF",
    "$env:",
    "$file: text.txt",
    "$file: ./sub/../text.txt",
    "$file: gone.txt",
    "$file: ${FILE}",
    "$file: sub",
    "$file: [a]",
    "$include: inc.yaml",
    "$include: inc.yaml#a",
    "$include: inc.yaml#obj.b",
    "$include: inc.yaml#gone",
    "$include: inc.yaml#a.b.c",
    "$include: inc.json",
    "$include: inc.json#list",
    "$include: sub/inc.yml#b",
    "$include: text.txt",
    "$include: gone.yaml",
    "$include: inc.YAML",
    "$include: 'inc.yaml#'",
    "$include: null",
    "$env: A\n  other: 1",
    "$other: A",
];

/// What an included file may hold: directives that reach further, never back.
const INNER_DIRECTIVES: &[&str] = &["$env: A", "$env: GONE", "$file: text.txt", "$file: ../text.txt"];

/// A configuration file.
pub(super) fn document(random: &mut Random) -> String {
    match random.below(30) {
        0 => {
            return random
                .pick(&[
                    "",
                    "# nothing\n",
                    "{}",
                    "---\n...\n",
                    "null",
                    "[]",
                    "text",
                    "${GONE}",
                    "$env: A",
                    "a: 1\n---\nb: 2\n",
                ])
                .to_owned();
        }
        1 => return yaml_1_1(random),
        2 => return mapping(random, 0, DIRECTIVES).replace('\n', "\r\n"),
        3 => return format!("\u{feff}{}", mapping(random, 0, DIRECTIVES)),
        _ => {}
    }
    mapping(random, 0, DIRECTIVES)
}

/// A file of the older dialect, without the timestamps, sixty-based numbers and numbers without
/// digits that we leave as text.
fn yaml_1_1(random: &mut Random) -> String {
    let text = mapping(random, 0, DIRECTIVES);
    let text = ["2024-01-31T10:00:00Z", "2024-01-31", "12:30:45", "1:30", "e3"]
        .iter()
        .fold(text, |text, word| text.replace(word, "word"));
    format!("%YAML 1.1\n---\n{text}")
}

/// A file that others include.
pub(super) fn included(random: &mut Random) -> String {
    match random.below(12) {
        0 => random
            .pick(&[
                "",
                "just text ${A}",
                "[1, 2]",
                "a: [",
                "a: 1\na: 2",
                "null",
                "$env: A",
            ])
            .to_owned(),
        _ => mapping(random, 0, INNER_DIRECTIVES),
    }
}

/// A JSON file that others include.
pub(super) fn json(random: &mut Random) -> String {
    let texts = [
        r#"{"a": {"b": "${A}", "c": null}, "list": [1, "${GONE}", {"$env": "A"}], "seconds": 1.0}"#,
        r#"{"list": {"$env": "NUMBER"}, "2": 1, "1": 2, "a": 1, "a": 2}"#,
        r#"{"list": [1,], "a": 1}"#,
        r#"["${A}", 0.1, 1e21, -0, "\u00e9"]"#,
        r#""${A} text""#,
        "\u{feff}{}",
        "",
    ];
    random.pick(&texts).to_owned()
}

/// One step of a key to read.
pub(super) fn key_to_read(random: &mut Random) -> String {
    if random.one_in(15) {
        random.pick(&["gone", "9x", "x y", "a-", "", "é", "A"])
    } else {
        random.pick(READABLE)
    }
    .to_owned()
}

fn mapping(random: &mut Random, depth: usize, directives: &[&str]) -> String {
    let indent = "  ".repeat(depth);
    let mut text = String::new();
    let mut used = Vec::new();
    for _ in 0..1 + random.below(5) {
        let key = if random.one_in(8) {
            random.pick(ODD)
        } else {
            random.pick(READABLE)
        };
        // Now and then a key comes twice.
        if used.contains(&key) && !random.one_in(60) {
            continue;
        }
        used.push(key);
        let sep = if key.starts_with('?') {
            format!("\n{indent}:")
        } else {
            ":".to_owned()
        };
        text += &format!("{indent}{key}{sep}{}\n", entry(random, depth, directives));
    }
    text
}

/// What follows the colon of a key, or the dash of a list.
fn entry(random: &mut Random, depth: usize, directives: &[&str]) -> String {
    match random.below(if depth < 3 { 20 } else { 12 }) {
        0 => format!(" {}", flow(random, depth)),
        1 => format!("\t{} # comment", random.pick(&["x", "1", "'q'"])),
        2 if random.one_in(3) => format!(
            "{} {}",
            random.pick(&[" &anchor", " &b"]),
            random.pick(&["1", "text", "${A}"])
        ),
        3 if random.one_in(6) => random.pick(&[" *anchor", " *b"]).to_owned(),
        4 => directive(random, depth, directives),
        2 | 3 | 5..=11 => format!(" {}", scalar(random, depth)),
        12..=16 => format!("\n{}", mapping(random, depth + 1, directives)),
        _ => list(random, depth, directives),
    }
}

fn directive(random: &mut Random, depth: usize, directives: &[&str]) -> String {
    let indent = "  ".repeat(depth + 1);
    let text = random.pick(directives).replace("\n  ", &format!("\n{indent}"));
    format!("\n{indent}{text}")
}

fn scalar(random: &mut Random, depth: usize) -> String {
    random
        .pick(SCALARS)
        .replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

fn list(random: &mut Random, depth: usize, directives: &[&str]) -> String {
    let indent = "  ".repeat(depth + 1);
    let mut text = String::new();
    for _ in 0..random.below(4) {
        let item = match random.below(5) {
            0 => format!("\n{}", mapping(random, depth + 2, directives)),
            1 => format!(" {}", flow(random, depth)),
            2 => format!(" {}", random.pick(&["x", "y", "two words", "''"])),
            _ => format!(" {}", scalar(random, depth + 1)),
        };
        text += &format!("\n{indent}-{item}");
    }
    text
}

fn flow(random: &mut Random, depth: usize) -> String {
    let item = |random: &mut Random| match random.below(6) {
        0 if depth < 4 => flow(random, depth + 1),
        1 => "\"${A}\"".to_owned(),
        2 => "\"${GONE}\"".to_owned(),
        _ => random
            .pick(&[
                "1",
                "014",
                "x",
                "'y'",
                "null",
                "~",
                "yes",
                "two words",
                "1e3",
                "http://h:1/x",
                "true",
                "\"\"",
            ])
            .to_owned(),
    };
    let items: Vec<_> = (0..random.below(4)).map(|_| item(random)).collect();
    if random.one_in(2) {
        return format!("[{}]", items.join(", "));
    }
    let keys = ["a", "b", "'c'", "1"];
    let entries: Vec<_> = keys
        .iter()
        .zip(items)
        .map(|(key, item)| format!("{key}: {item}"))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

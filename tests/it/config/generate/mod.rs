//! Makes up configurations: several files, overlays, variables, directives and odd scalars, always the same ones
//! for the same seed.

mod random;
mod yaml;

use serde_json::{Value as Json, json};

pub(super) use random::Random;

/// One made-up configuration.
pub(super) struct Case {
    /// File name and content, relative to the case's folder.
    pub(super) files: Vec<(String, String)>,
    /// The values of `--config`.
    pub(super) targets: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// Pairs of method and key.
    pub(super) reads: Vec<Json>,
}

const METHODS: &[&str] = &[
    "has",
    "getOptional",
    "getString",
    "getOptionalString",
    "getNumber",
    "getOptionalNumber",
    "getBoolean",
    "getOptionalBoolean",
    "getStringArray",
    "getOptionalStringArray",
    "getConfig",
    "getOptionalConfig",
    "getConfigArray",
    "getOptionalConfigArray",
    "readDuration",
];

/// Makes a case from the random numbers.
pub(super) fn case(random: &mut Random) -> Case {
    let mut files = vec![
        ("app-config.yaml".to_owned(), yaml::document(random)),
        ("inc.yaml".to_owned(), yaml::included(random)),
        ("sub/inc.yml".to_owned(), yaml::included(random)),
        ("inc.json".to_owned(), yaml::json(random)),
        (
            "text.txt".to_owned(),
            random
                .pick(&["plain \n\n", "\u{feff} ${A}\r\nx\t", ""])
                .to_owned(),
        ),
    ];
    for name in [
        "app-config.local.yaml",
        "app-config.prod.yaml",
        "app-config.prod.local.yaml",
        "conf/over.yaml",
    ] {
        if random.one_in(2) {
            files.push((name.to_owned(), yaml::document(random)));
        }
    }
    Case {
        targets: targets(random, &files),
        files,
        environment: environment(random),
        reads: reads(random),
    }
}

fn targets(random: &mut Random, files: &[(String, String)]) -> Vec<String> {
    if random.one_in(2) {
        return Vec::new();
    }
    let configs: Vec<_> = files
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.contains('/') || name.starts_with("app"))
        .collect();
    let missing = "gone.yaml".to_owned();
    let count = 1 + random.below(3);
    (0..count)
        .map(|_| {
            if random.one_in(40) {
                missing.clone()
            } else {
                configs[random.below(configs.len())].clone()
            }
        })
        .filter(|name| !name.ends_with("inc.yml"))
        .collect()
}

fn environment(random: &mut Random) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("A", " a value "),
        ("EMPTY", ""),
        ("BLANK", " \t"),
        ("NUMBER", "7007"),
        ("REF", "${A}"),
        ("FILE", "text.txt"),
    ];
    if random.one_in(2) {
        pairs.push(("BACKSTAGE_ENV", random.pick(&["prod", " prod ,, other", ","])));
    }
    let overrides = [
        (
            "APP_CONFIG_a",
            &[
                "1",
                "text",
                "{\"b\":[1,null],\"c\":null}",
                "\"quoted\"",
                "",
                "[1, 2",
                "1e3",
            ][..],
        ),
        ("APP_CONFIG_a_b", &["true", "{\"c\":2}"][..]),
        (
            "APP_CONFIG_obj_list",
            &["[\"x\",\"y\"]", "[{\"a\":1}]", " 1 "][..],
        ),
        ("APP_CONFIG_seconds", &["5", "-0", "12345678901234567890"][..]),
        ("APP_CONFIG_b__c", &["1", ""][..]),
        ("APP_CONFIG_n-1", &["null", "0.1"][..]),
    ];
    for (name, values) in overrides {
        if random.one_in(9) {
            pairs.push((name, random.pick(values)));
        }
    }
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn reads(random: &mut Random) -> Vec<Json> {
    let mut reads = vec![json!(["keys", null])];
    for _ in 0..24 {
        let depth = 1 + random.below(3);
        let steps: Vec<_> = (0..depth).map(|_| yaml::key_to_read(random)).collect();
        // The root itself is read with other methods by nobody, and the reference stumbles over it.
        if steps != [""] {
            reads.push(json!([random.pick(METHODS), steps.join(".")]));
        }
    }
    reads
}

//! What the real Backstage loader says to the same configuration: same value, same failure, same message.

use std::path::Path;

use serde_json::{Value as Json, json};
use stagedoor::config::{Environment, LoadOptions};

use super::{
    generate::{self, Case, Random},
    outcome,
};
use crate::support::node;

const CASES: usize = 600;
const SEED: u64 = 20_260_731;

#[tokio::test]
async fn made_up_configurations_come_out_as_the_real_loader_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    // The loader names real paths.
    let root = folder.path().canonicalize().unwrap();
    let mut random = Random::new(SEED);
    let cases: Vec<Case> = (0..CASES).map(|_| generate::case(&mut random)).collect();
    for (number, case) in cases.iter().enumerate() {
        write(&root.join(number.to_string()), case);
    }
    let expected = ask_the_real_loader(&root, &cases);
    let mut differing = Vec::new();
    let mut loaded = 0;
    for (number, (case, expected)) in cases.iter().zip(&expected).enumerate() {
        let dir = root.join(number.to_string());
        let actual = outcome::of(&options(case, &dir), &case.reads, &dir).await;
        loaded += usize::from(expected["config"].is_object());
        if !agrees(expected, &actual) {
            differing.push(describe(number, case, expected, &actual));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {CASES} differ:\n{}",
        differing.len(),
        differing.join("\n\n")
    );
    // A generator that only makes broken files would compare nothing.
    assert!(
        loaded * 2 > CASES,
        "only {loaded} of {CASES} configurations load at all"
    );
}

/// Of several broken files the real loader may name any.
fn agrees(expected: &Json, actual: &Json) -> bool {
    let alone = expected["alone"].as_array().into_iter().flatten();
    let mut candidates = alone.chain([expected]);
    candidates.any(|expected| outcome::agrees(expected, actual))
}

/// The files that may be read as configuration, not as part of another file.
fn config_files(case: &Case) -> Vec<&str> {
    let names = case.files.iter().map(|(name, _)| name.as_str());
    let configs = names.filter(|name| name.starts_with("app-config") || name.starts_with("conf/"));
    configs.chain(case.targets.iter().map(String::as_str)).collect()
}

fn write(dir: &Path, case: &Case) {
    for (name, content) in &case.files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn options(case: &Case, dir: &Path) -> LoadOptions {
    LoadOptions {
        targets: case.targets.clone(),
        root_dir: dir.to_owned(),
        working_dir: dir.to_owned(),
        environment: Environment::from_pairs(case.environment.clone()),
        remote: None,
    }
}

fn ask_the_real_loader(root: &Path, cases: &[Case]) -> Vec<Json> {
    let question: Vec<Json> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let args: Vec<_> = case
                .targets
                .iter()
                .flat_map(|target| ["--config", target])
                .collect();
            let dir = root.join(number.to_string());
            let files = config_files(case);
            json!({ "dir": dir, "args": args, "env": case.environment, "files": files, "reads": case.reads })
        })
        .collect();
    let outcomes = node::ask("config-loader", "driver.mjs", &json!({ "cases": question }));
    serde_json::from_value(outcomes).unwrap()
}

fn describe(number: usize, case: &Case, expected: &Json, actual: &Json) -> String {
    let files: Vec<_> = case
        .files
        .iter()
        .map(|(name, content)| format!("--- {name}\n{content}"))
        .collect();
    let different = |key: &str| format!("{key}\n    theirs {}\n    ours   {}", expected[key], actual[key]);
    let reads = expected["reads"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(actual["reads"].as_array().into_iter().flatten());
    let reads = reads.filter(|(theirs, ours)| outcome::comparable(theirs) != outcome::comparable(ours));
    let reads: Vec<_> = reads
        .map(|(theirs, ours)| format!("  theirs {theirs}\n  ours   {ours}"))
        .collect();
    let summary = [different("error"), different("config"), reads.join("\n")].join("\n");
    format!(
        "case {number}, targets {:?}\n{summary}\n{}",
        case.targets,
        files.join("\n")
    )
}

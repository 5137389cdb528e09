//! Every recorded case of the real loader, in `tests/fixtures/app-config`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value as Json;
use stagedoor::config::{Environment, Fetch, LoadOptions};

use super::outcome;

/// Where the cases' `<remote>` pretends to be.
const REMOTE: &str = "http://remote.invalid";

#[tokio::test]
async fn every_recorded_case_of_the_real_loader_comes_out_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app-config");
    let mut differing = Vec::new();
    let mut count = 0;
    for folder in std::fs::read_dir(&root).unwrap() {
        let dir = folder.unwrap().path();
        if dir.join("case.json").exists() {
            count += 1;
            differing.extend(difference(&dir).await);
        }
    }
    differing.sort();
    assert!(
        differing.is_empty(),
        "{} of {count} cases differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    assert!(count >= 150, "only {count} cases were found");
}

async fn difference(dir: &Path) -> Option<String> {
    let read =
        |name: &str| -> Json { serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap() };
    let (case, expected) = (read("case.json"), read("expected.json"));
    let reads = case["reads"].as_array().cloned().unwrap_or_default();
    let actual = outcome::of(&options(&case, dir), &reads, dir).await;
    let name = dir.file_name().unwrap().display();
    (!outcome::agrees(&expected, &actual))
        .then(|| format!("{name}\n  expected {expected}\n  actual   {actual}"))
}

fn options(case: &Json, dir: &Path) -> LoadOptions {
    let environment = case["env"].as_object().unwrap();
    let pairs = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    LoadOptions {
        targets: targets(&case["args"]),
        root_dir: dir.to_owned(),
        working_dir: dir.to_owned(),
        environment: Environment::from_pairs(pairs),
        remote: case
            .get("remote")
            .map(|remote| fetch(remote.clone(), dir.to_owned())),
    }
}

/// The values of `--config X` and `--config=X`.
fn targets(args: &Json) -> Vec<String> {
    let args = args
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| arg.as_str().unwrap().replace("<remote>", REMOTE));
    let joined = args
        .collect::<Vec<_>>()
        .join("\n")
        .replace("--config\n", "--config=");
    joined
        .lines()
        .filter_map(|arg| arg.strip_prefix("--config=").map(str::to_owned))
        .collect()
}

fn fetch(files: Json, dir: PathBuf) -> Fetch {
    Arc::new(move |url| {
        let file = url.strip_prefix(REMOTE).and_then(|path| files[path].as_str());
        let body = file.map(|file| std::fs::read(dir.join(file)).unwrap());
        let body = body.ok_or("Request failed with 404 Not Found".to_owned());
        Box::pin(async move { body })
    })
}

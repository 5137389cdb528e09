//! What the documents claim about the code: tests that exist, scripts that exist, links that lead somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// All files below the folder with the extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_entry = |path: PathBuf| {
        if path.is_dir() {
            files(&path, extension)
        } else {
            vec![path]
                .into_iter()
                .filter(|path| path.extension().is_some_and(|found| found == extension))
                .collect()
        }
    };
    entries.flat_map(of_entry).collect()
}

/// The tests a table names in its column `Test`, and the rows that name none.
fn named_tests(table: &str) -> (Vec<String>, Vec<String>) {
    let (mut named, mut without) = (Vec::new(), Vec::new());
    let mut has_column = false;
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    for (number, row) in rows.iter().enumerate() {
        let is_header = rows.get(number + 1).is_some_and(|next| next.starts_with("| ---"));
        let last = row
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap_or_default()
            .trim();
        if is_header {
            has_column = last == "Test";
        } else if has_column && !row.starts_with("| ---") {
            match last.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
                Some(test) => named.push(test.to_owned()),
                None => without.push((*row).to_owned()),
            }
        }
    }
    (named, without)
}

#[test]
fn every_difference_names_a_test_that_exists() {
    let (named, without) = named_tests(&read("docs/PARITY.md"));
    assert!(named.len() > 20, "the tables were found");
    assert!(without.is_empty(), "rows without a test: {without:#?}");
    let sources = [
        files(&root().join("src"), "rs"),
        files(&root().join("tests/it"), "rs"),
    ]
    .concat();
    let code: String = sources
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let missing: Vec<&String> = named
        .iter()
        .filter(|test| !code.contains(&format!("fn {test}(")))
        .collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}

#[test]
fn a_row_without_a_test_is_noticed() {
    let table = "| What | Ours | Test |\n| --- | --- | --- |\n| a | b | `c` |\n| What is a 404 | b | `x` |\n| d | e | |\n\n\
                 | What | Why |\n| --- | --- |\n| f | g |";
    let (named, without) = named_tests(table);
    assert_eq!(named, ["c", "x"]);
    assert_eq!(without, ["| d | e | |"]);
}

/// The relative links of a Markdown file.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
        .collect()
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut documents = files(&root().join("docs"), "md");
    documents.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|file| root().join(file)));
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}", document.display());
        }
    }
}

#[test]
fn the_readme_begins_with_the_command_that_runs_and_the_one_that_tests() {
    let readme = read("README.md");
    let mut commands = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| block.lines().next());
    assert_eq!(commands.next(), Some("cargo run --release -- demo"));
    assert_eq!(commands.next(), Some("tests/run"));
}

#[test]
fn the_overlay_replaces_no_list_of_a_portal() {
    let overlay: serde_json::Value =
        serde_saphyr::from_str(&read("deploy/app-config.stagedoor.yaml")).unwrap();
    assert!(!overlay.to_string().contains('['), "{overlay}");
    let sections: Vec<&str> = overlay.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(sections, ["stagedoor", "spacelift"]);
}

#[test]
fn the_readmes_overlay_is_part_of_the_one_that_is_tested() {
    let tested: serde_json::Value =
        serde_saphyr::from_str(&read("deploy/app-config.stagedoor.yaml")).unwrap();
    let readme = read("README.md");
    let snippet = readme
        .split("```yaml\n")
        .find(|block| block.starts_with("stagedoor:\n  listen: ':7008'"))
        .unwrap();
    let shown: serde_json::Value = serde_saphyr::from_str(snippet.split("```").next().unwrap()).unwrap();
    for (key, value) in shown.as_object().unwrap() {
        assert_eq!(&tested[key], value, "{key}");
    }
}

#[test]
fn ci_runs_every_step_that_has_a_script() {
    let run = read(".ci/run");
    let (_, after) = run.split_once("for step in ").unwrap();
    let steps: Vec<&str> = after.split(';').next().unwrap().split_whitespace().collect();
    assert_eq!(steps, ["fmt", "clippy", "test", "doc", "deny", "unused"]);
    for entry in fs::read_dir(root().join(".ci")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            steps.contains(&name.as_str()) || ["run", "tool"].contains(&name.as_str()),
            "{name} is never run"
        );
    }
}

//! No file grows past what a person reads in one sitting.

use super::sources::{Source, below};

/// Longer files hold two concepts: split by concept.
const LONGEST_FILE: usize = 400;

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST_FILE).then(|| format!("{file} has {lines} lines"))
}

fn has_no_opening_line(file: &str, text: &str) -> Option<String> {
    (!text.starts_with("//!")).then(|| format!("{file} does not open with its job (`//! …`)"))
}

fn all_files() -> impl Iterator<Item = Source> {
    below("src").into_iter().chain(below("tests/it"))
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: Vec<String> = all_files()
        .filter_map(|source| too_long(&source.file, &source.text))
        .collect();
    assert!(long.is_empty(), "split by concept: {long:#?}");
}

#[test]
fn every_file_opens_with_its_job() {
    let silent: Vec<String> = all_files()
        .filter_map(|source| has_no_opening_line(&source.file, &source.text))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn the_measures_can_fail() {
    assert!(too_long("a.rs", &"x\n".repeat(401)).is_some());
    assert!(too_long("a.rs", &"x\n".repeat(400)).is_none());
    assert!(has_no_opening_line("a.rs", "use a::b;").is_some());
    assert!(has_no_opening_line("a.rs", "//! Its job.\n").is_none());
}

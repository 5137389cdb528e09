//! Finds the source files and gives each its module path.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One file of `src/`.
pub(super) struct Source {
    /// Relative to the project, such as `src/infra/tasks.rs`.
    pub(super) file: String,
    /// The module path below the crate, such as `["infra", "tasks"]`; `["main"]` for the binary.
    pub(super) module: Vec<String>,
    pub(super) text: String,
}

/// Returns every Rust file below the folder.
pub(super) fn below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no source files in {folder}");
    files
        .iter()
        .map(|path| {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            Source {
                module: module_of(&file),
                text: fs::read_to_string(path).unwrap(),
                file,
            }
        })
        .collect()
}

/// Returns the module a file holds: `src/infra/git/mod.rs` is `["infra", "git"]`, `src/lib.rs` is `[]`.
pub(super) fn module_of(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file);
    let mut module: Vec<String> = inner
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_mod_file_stands_for_its_folder() {
    assert_eq!(module_of("src/infra/git/mod.rs"), ["infra", "git"]);
    assert_eq!(module_of("src/infra/tasks.rs"), ["infra", "tasks"]);
    assert_eq!(module_of("src/main.rs"), ["main"]);
    assert!(module_of("src/lib.rs").is_empty());
}

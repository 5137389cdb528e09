//! A third plugin is one folder, one `mod` line and one `.add` line.

use std::{collections::BTreeSet, path::Path};

use super::sources::{Source, below};

/// Where plugins register.
const LIST: &str = "src/plugins/mod.rs";

/// The folders of `src/plugins/`.
fn plugin_folders(sources: &[Source]) -> BTreeSet<String> {
    sources
        .iter()
        .filter_map(|source| source.file.strip_prefix("src/plugins/")?.split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .collect()
}

/// What is wrong with how the list names the plugins.
fn faults_of_list(list: &str, folders: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for folder in folders {
        for wanted in [format!("\nmod {folder};"), format!(".add::<{folder}::")] {
            let found = list.matches(&wanted).count();
            if found != 1 {
                faults.push(format!(
                    "{LIST} holds `{}` {found} times, not once",
                    wanted.trim()
                ));
            }
        }
    }
    let lines = list.matches("\nmod ").count() + list.matches("\npub mod ").count();
    if lines != folders.len() || list.matches(".add::<").count() != folders.len() {
        faults.push(format!("{LIST} names something that is not a plugin's folder"));
    }
    faults
}

/// Files outside the plugin's folder that name its module: a third plugin would have to touch such files too.
fn strangers_who_know(folder: &str, sources: &[Source]) -> Vec<String> {
    let home = format!("src/plugins/{folder}/");
    let name = format!("plugins::{folder}");
    sources
        .iter()
        .filter(|source| !source.file.starts_with(&home) && source.text.contains(&name))
        .map(|source| source.file.clone())
        .collect()
}

#[test]
fn every_plugin_is_registered_by_one_mod_line_and_one_add_line() {
    let sources = below("src");
    let list = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST)).unwrap();
    let folders = plugin_folders(&sources);
    assert!(
        folders.contains("spacelift") && folders.contains("ske"),
        "{folders:?}"
    );
    assert_eq!(faults_of_list(&list, &folders), Vec::<String>::new());
}

#[test]
fn nothing_outside_a_plugins_folder_names_the_plugin() {
    let sources = below("src");
    for folder in plugin_folders(&sources) {
        let strangers = strangers_who_know(&folder, &sources);
        assert!(
            strangers.is_empty(),
            "plugins::{folder} is named in {strangers:?}"
        );
    }
}

#[test]
fn a_list_that_forgets_or_repeats_a_plugin_is_noticed() {
    let folders = BTreeSet::from(["argocd".to_owned(), "ske".to_owned()]);
    let good = "//! List.\n\nmod argocd;\nmod ske;\n b.add::<ske::Ske>().add::<argocd::ArgoCd>()";
    assert!(faults_of_list(good, &folders).is_empty());
    for bad in [
        good.replace(".add::<ske::Ske>()", ""),
        good.replace("mod ske;\n", ""),
        good.replace(".add::<ske::Ske>()", ".add::<ske::Ske>().add::<ske::Ske>()"),
        good.replace("mod ske;", "mod ske;\nmod helpers;"),
    ] {
        assert!(!faults_of_list(&bad, &folders).is_empty(), "{bad}");
    }
}

#[test]
fn a_stranger_who_names_a_plugin_is_noticed() {
    let source = |file: &str| Source {
        file: file.to_owned(),
        module: Vec::new(),
        text: "use crate::plugins::argocd::App;".to_owned(),
    };
    let sources = [source("src/app.rs"), source("src/plugins/argocd/mod.rs")];
    assert_eq!(strangers_who_know("argocd", &sources), ["src/app.rs"]);
}

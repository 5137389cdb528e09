//! Who may import whom, which crate may be named where.

use super::{
    paths::named_in,
    sources::{Source, below, module_of},
};

/// Our own layers, and what each may name besides itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["cli", "config", "telemetry", "infra"]),
    (
        "cli",
        &[
            "app",
            "plugins",
            "backstage",
            "infra",
            "config",
            "telemetry",
            "shutdown",
            "simulator",
        ],
    ),
    (
        "app",
        &["plugins", "backstage", "infra", "config", "telemetry", "shutdown"],
    ),
    ("plugins", &["backstage", "infra", "config"]),
    ("backstage", &["infra", "config"]),
    ("infra", &["config"]),
    ("telemetry", &["config", "infra"]),
    ("shutdown", &["infra"]),
    // The other side of the wire: it must not share the code it is there to test.
    ("simulator", &["infra"]),
    ("config", &[]),
];

/// A crate or module that only some places may name. `*` stands for one module, `**` for any number.
const ONLY_IN: &[(&str, &[&str])] = &[
    (
        "axum",
        &[
            "app::**",
            "backstage::**",
            "infra::http_server::**",
            "infra::http_proxy::**",
            "simulator::**",
            "plugins::*",
            "plugins::*::routes::**",
            "plugins::*::error",
        ],
    ),
    ("git2", &["infra::git::**"]),
    ("kube", &["infra::kubernetes::**"]),
    ("k8s_openapi", &["infra::kubernetes::**"]),
    // Signing keys and locks are rows too; a plugin keeps its SQL in files named `store`.
    (
        "sqlx",
        &[
            "infra::database::**",
            "backstage::**::store",
            "backstage::**::locks",
            "plugins::**::store",
        ],
    ),
    ("std::env", &["config::**"]),
    ("granit_parser", &["config::yaml::**"]),
];

/// Rules and computations alone: bytes and values in, bytes and values out.
const PURE: &[&str] = &["plugins::*::domain::**", "plugins::ske::gitops::**"];

/// What they never meet: the wire, the cluster, the repository, the database, the disk, another thread.
const NOT_IN_PURE: &[&str] = &[
    "axum",
    "reqwest",
    "kube",
    "git2",
    "sqlx",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
];

/// The one file that may hold `unsafe`: libgit2's process-wide options.
const UNSAFE_IN: &str = "infra::git::libgit2";

/// Returns one sentence for each broken rule.
fn violations(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    let named = named_in(text, &module);
    let mut broken: Vec<String> = named
        .paths
        .iter()
        .filter_map(|path| broken_rule(&module, path))
        .map(|rule| format!("{file}: {rule}"))
        .collect();
    if named.has_unsafe && module.join("::") != UNSAFE_IN {
        broken.push(format!("{file}: `unsafe` is for {UNSAFE_IN} alone"));
    }
    broken
}

fn broken_rule(module: &[String], path: &[String]) -> Option<String> {
    let shown = path.join("::");
    if path.first().is_some_and(|first| first == "crate") {
        return broken_direction(module, path).map(|rule| format!("names {shown}: {rule}"));
    }
    for (what, places) in ONLY_IN {
        if begins_with(path, what) && !places.iter().any(|place| matches(module, place)) {
            return Some(format!("names {shown}: {what} is for {}", places.join(", ")));
        }
    }
    let is_pure = PURE.iter().any(|place| matches(module, place));
    NOT_IN_PURE
        .iter()
        .find(|what| is_pure && begins_with(path, what))
        .map(|what| format!("names {shown}: the rules of a domain do not know {what}"))
}

fn broken_direction(module: &[String], path: &[String]) -> Option<String> {
    let (from, to) = (module.first()?, path.get(1)?);
    if from == "plugins" && to == "plugins" {
        let (ours, theirs) = (module.get(1)?, path.get(2)?);
        return (ours != theirs).then(|| "plugins do not know each other".to_owned());
    }
    if from == to || !LAYERS.iter().any(|(layer, _)| layer == to) {
        return None;
    }
    let Some((_, below)) = LAYERS.iter().find(|(layer, _)| layer == from) else {
        return Some(format!("{from} has no place in the layers yet"));
    };
    (!below.contains(&to.as_str())).then(|| format!("{from} may name {below:?} only"))
}

fn begins_with(path: &[String], what: &str) -> bool {
    let mut parts = path.iter();
    what.split("::")
        .all(|wanted| parts.next().is_some_and(|part| part == wanted))
}

fn matches(module: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split("::").collect();
    matches_parts(module, &pattern)
}

fn matches_parts(module: &[String], pattern: &[&str]) -> bool {
    match (module, pattern) {
        ([], []) => true,
        (_, ["**", rest @ ..]) => (0..=module.len()).any(|skipped| matches_parts(&module[skipped..], rest)),
        ([_, module @ ..], ["*", rest @ ..]) => matches_parts(module, rest),
        ([first, module @ ..], [wanted, rest @ ..]) => first == wanted && matches_parts(module, rest),
        _ => false,
    }
}

/// The files compiled for tests only, such as `src/a/tests.rs` after `#[cfg(test)] mod tests;` in `src/a/mod.rs`.
fn test_modules(sources: &[Source]) -> Vec<Vec<String>> {
    let children = |source: &Source| {
        let named = named_in(&source.text, &source.module);
        let parent = source.module.clone();
        named
            .test_modules
            .into_iter()
            .map(move |name| [parent.clone(), vec![name]].concat())
    };
    sources.iter().flat_map(children).collect()
}

#[test]
fn every_source_file_imports_only_what_its_layer_may() {
    let sources = below("src");
    let tests_only = test_modules(&sources);
    let shipped = sources
        .iter()
        .filter(|source| !tests_only.iter().any(|module| source.module.starts_with(module)));
    let broken: Vec<String> = shipped
        .flat_map(|source| violations(&source.file, &source.text))
        .collect();
    assert!(broken.is_empty(), "rules broken:\n{}", broken.join("\n"));
}

#[track_caller]
fn refused(file: &str, text: &str, because: &str) {
    let broken = violations(file, text);
    assert_eq!(broken.len(), 1, "{file} `{text}`: {broken:?}");
    assert!(
        broken[0].contains(because),
        "{:?} should say {because:?}",
        broken[0]
    );
}

#[track_caller]
fn allowed(file: &str, text: &str) {
    assert_eq!(violations(file, text), Vec::<String>::new(), "{file} `{text}`");
}

#[test]
fn imports_point_downwards() {
    refused(
        "src/infra/tasks.rs",
        "use crate::backstage::error::BackstageError;",
        "infra may name",
    );
    refused(
        "src/config/yaml/mod.rs",
        "use crate::infra::tasks::Tasks;",
        "config may name",
    );
    refused(
        "src/backstage/plugin.rs",
        "fn f() { crate::plugins::register(x) }",
        "backstage may name",
    );
    refused(
        "src/plugins/spacelift/client.rs",
        "use crate::app::App;",
        "plugins may name",
    );
    refused("src/app.rs", "use crate::cli::serve;", "app may name");
    refused(
        "src/main.rs",
        "fn main() { stagedoor::plugins::register(x) }",
        "main may name",
    );
    allowed(
        "src/cli/serve.rs",
        "use crate::{app::App, config::ConfigStore, plugins, telemetry};",
    );
    allowed(
        "src/plugins/ske/mod.rs",
        "use crate::{backstage::plugin::Plugin, infra::tasks::Tasks};",
    );
}

#[test]
fn only_the_command_line_knows_the_simulator() {
    refused("src/app.rs", "use crate::simulator::Simulator;", "app may name");
    refused(
        "src/simulator/mod.rs",
        "use crate::plugins::spacelift;",
        "simulator may name",
    );
    allowed("src/cli/demo.rs", "use crate::simulator::Simulator;");
}

#[test]
fn plugins_do_not_know_each_other() {
    refused(
        "src/plugins/ske/routes.rs",
        "use crate::plugins::spacelift::StackId;",
        "do not know each other",
    );
    refused(
        "src/plugins/ske/routes.rs",
        "use super::super::spacelift::StackId;",
        "do not know each other",
    );
    allowed(
        "src/plugins/ske/routes.rs",
        "use super::domain::ObjectRef; use crate::plugins::ske::error;",
    );
}

#[test]
fn axum_stays_at_the_edge() {
    for file in [
        "src/infra/http_client.rs",
        "src/plugins/spacelift/client.rs",
        "src/config/mod.rs",
    ] {
        refused(file, "use axum::Router;", "axum is for");
    }
    for file in [
        "src/app.rs",
        "src/backstage/auth/guard.rs",
        "src/infra/http_server/mod.rs",
    ] {
        allowed(file, "use axum::Router;");
    }
    for file in ["mod.rs", "routes.rs", "routes/stacks.rs", "error.rs"] {
        allowed(&format!("src/plugins/spacelift/{file}"), "use axum::Router;");
    }
}

#[test]
fn git_the_cluster_the_database_the_parser_and_the_environment_have_one_home_each() {
    refused(
        "src/plugins/ske/platform/gitops.rs",
        "use git2::Repository;",
        "git2 is for",
    );
    allowed("src/infra/git/commit.rs", "use git2::Repository;");
    refused("src/plugins/ske/session.rs", "use kube::Client;", "kube is for");
    refused(
        "src/plugins/ske/session.rs",
        "use k8s_openapi::api::core::v1::Secret;",
        "k8s_openapi is for",
    );
    allowed("src/infra/kubernetes/wire.rs", "use kube::Client;");
    refused(
        "src/plugins/ske/pending/sweep.rs",
        "use sqlx::Pool;",
        "sqlx is for",
    );
    allowed("src/plugins/ske/pending/store.rs", "use sqlx::Pool;");
    refused(
        "src/cli/serve.rs",
        "use granit_parser::Parser;",
        "granit_parser is for",
    );
    allowed("src/config/yaml/compose.rs", "use granit_parser::Parser;");
    refused("src/telemetry.rs", "use std::{env, fmt};", "std::env is for");
    refused(
        "src/cli/mod.rs",
        "fn f() { std::env::args(); }",
        "std::env is for",
    );
    allowed("src/config/environment.rs", "use std::env;");
}

#[test]
fn a_domain_knows_no_wire() {
    for name in NOT_IN_PURE {
        for file in ["src/plugins/ske/domain.rs", "src/plugins/ske/gitops/write.rs"] {
            let broken = violations(file, &format!("use {name}::X;"));
            assert!(!broken.is_empty(), "{name} in {file} must be refused");
        }
    }
    refused(
        "src/plugins/ske/domain/object.rs",
        "use reqwest::Client;",
        "do not know reqwest",
    );
    allowed("src/infra/kubernetes/wire.rs", "use reqwest::Client;");
}

#[test]
fn unsafe_has_one_home() {
    refused(
        "src/infra/git/mod.rs",
        "fn f() { unsafe { g() } }",
        "`unsafe` is for",
    );
    allowed("src/infra/git/libgit2.rs", "fn f() { unsafe { g() } }");
}

#[test]
fn a_new_top_level_module_must_be_given_its_place() {
    refused(
        "src/extras.rs",
        "use crate::infra::tasks::Tasks;",
        "no place in the layers",
    );
}

//! The example file loads, and the schema for Backstage's own check says the same as the example.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use stagedoor::config::{ConfigReader, Environment, LoadOptions, load, redacted, to_json};

use crate::support::node;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

async fn example() -> ConfigReader {
    let options = LoadOptions {
        targets: vec!["app-config.example.yaml".to_owned()],
        root_dir: root(),
        working_dir: root(),
        environment: Environment::default(),
        remote: None,
    };
    load(&options).await.expect("the example loads").into_reader()
}

/// The sections our schema declares, as data.
async fn declared_sections() -> Json {
    let whole = to_json(&example().await.get("").unwrap().unwrap());
    json!({ "stagedoor": whole["stagedoor"], "ske": whole["ske"], "spacelift": whole["spacelift"] })
}

fn check(config: &Json) -> Json {
    let schema = std::fs::read(root().join("schema/app-config.schema.json")).unwrap();
    let schema: Json = serde_json::from_slice(&schema).unwrap();
    node::ask(
        "config-loader",
        "schema.mjs",
        &json!({ "schema": schema, "config": config }),
    )
}

#[tokio::test]
async fn the_example_loads_without_any_variable() {
    let reader = example().await;
    assert_eq!(reader.string("stagedoor.listen").unwrap(), ":7008");
    assert_eq!(
        reader.duration("stagedoor.spacelift.timeout").unwrap().as_secs(),
        15
    );
    let ske = reader.config("ske").unwrap();
    for reason in [
        reader.missing_because("ske.scm.token"),
        ske.missing_because("scm.token"),
    ] {
        let reason = reason.unwrap();
        assert!(
            reason.contains("SKE_SCM_TOKEN") && reason.contains("app-config.example.yaml"),
            "{reason}"
        );
    }
    assert_eq!(reader.missing_because("ske.scm.repoUrl"), None);
}

#[tokio::test]
async fn printing_the_example_shows_no_secret() {
    let whole = example().await.get("").unwrap().unwrap();
    let text = to_json(&redacted(&whole)).to_string();
    assert!(!text.contains("only-for-this-example"), "{text}");
}

#[tokio::test]
async fn the_example_passes_backstages_strict_check_with_our_schema() {
    let sections = declared_sections().await;
    let answer = check(&sections);
    assert_eq!(answer["error"], Json::Null);
    let expected = json!({
        "stagedoor": { "ske": { "pendingRequests": {
            "feedSecret": "only-for-this-example-only-for-this-example"
        } } },
        "spacelift": { "apiKey": "only-for-this-example", "apiSecret": "only-for-this-example" },
    });
    assert_eq!(answer["secrets"], expected);
}

#[tokio::test]
async fn a_misspelt_key_fails_backstages_strict_check() {
    let mut sections = declared_sections().await;
    sections["stagedoor"]["spacelift"]["cachettl"] = json!("5s");
    let error = check(&sections)["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("cachettl"), "{error}");
}

#[tokio::test]
async fn every_declared_key_is_in_the_example() {
    let schema = std::fs::read(root().join("schema/app-config.schema.json")).unwrap();
    let schema: Json = serde_json::from_slice(&schema).unwrap();
    // With its comments, because some keys are only shown in one.
    let text = std::fs::read_to_string(root().join("app-config.example.yaml")).unwrap();
    let mut names = Vec::new();
    collect(&schema["properties"], &mut names);
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !text.contains(&format!("{name}:")))
        .collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

fn collect(properties: &Json, names: &mut Vec<String>) {
    for (name, schema) in properties.as_object().into_iter().flatten() {
        names.push(name.clone());
        collect(&schema["properties"], names);
        collect(&schema["items"]["properties"], names);
    }
}

//! Spacelifts whose schema is not the one we know: each part that can be done without is done without.

use std::{collections::BTreeSet, fs, time::Duration};

use serde_json::{Value, json};
use stagedoor::simulator::{SchemaChange, Simulator};

use super::{STACKS, pass, read, refusal, simulated::prepare};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    log::Remembered,
};

const STACK: &str = "production-network";

/// All that we ask for and can do without.
const OPTIONAL: [&str; 15] = [
    "User.validUntil",
    "Query.viewer",
    "User.name",
    "Stack.canWrite",
    "Stack.isDisabled",
    "Stack.lockedBy",
    "Stack.lockedAt",
    "Stack.lockNote",
    "Run.type",
    "Run.createdAt",
    "Run.updatedAt",
    "Run.triggeredBy",
    "Run.finished",
    "Mutation.runConfirm(note:)",
    "Mutation.runDiscard(note:)",
];

async fn start() -> (Simulator, TestApp) {
    let (simulator, config) = prepare("cacheTtl: 0s").await;
    (simulator, TestApp::start(&config).await)
}

async fn decide(app: &TestApp, run: &str, verb: &str) -> (u16, String) {
    let url = app.url(&format!("{STACKS}/{STACK}/runs/{run}/{verb}"));
    let asked = app.client.post(url).bearer_auth(STATIC_TOKEN);
    read(asked.json(&json!({ "note": "agreed" })).send().await.unwrap()).await
}

async fn ok(app: &TestApp, path: &str) -> Value {
    let (status, text) = read(app.get(path).await).await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// Starts a run, lets it come to rest and looks at it; the id.
async fn run_at_rest(simulator: &Simulator, app: &TestApp) -> String {
    let (status, text) = read(app.post(&format!("{STACKS}/{STACK}/trigger")).await).await;
    assert_eq!(status, 200, "{text}");
    let run: Value = serde_json::from_str(&text).unwrap();
    simulator.advance(Duration::from_secs(60));
    let id = run["id"].as_str().unwrap().to_owned();
    let waited = ok(app, &format!("{STACKS}/{STACK}/runs/{id}/wait?timeoutSeconds=5")).await;
    assert_eq!(
        (&waited["needsDecision"], &waited["timedOut"]),
        (&json!(true), &json!(false)),
        "{waited}"
    );
    id
}

/// Everything a portal does, a decision and a refused trigger included.
async fn all_works(simulator: &Simulator, app: &TestApp) {
    assert_eq!(ok(app, STACKS).await.as_array().unwrap().len(), 12);
    for verb in ["discard", "confirm"] {
        let run = run_at_rest(simulator, app).await;
        let (status, text) = decide(app, &run, verb).await;
        assert_eq!(status, 200, "{verb}: {text}");
        simulator.advance(Duration::from_secs(60));
        let (status, text) = decide(app, &run, verb).await;
        assert_eq!(status, 409, "{verb} again: {text}");
    }
    simulator.lock_stack(STACK, "jane");
    let (status, text) = refusal(app.post(&format!("{STACKS}/{STACK}/trigger")).await).await;
    assert!(
        matches!(status, 409 | 502) && text.contains("locked"),
        "{status} {text}"
    );
    simulator.update_stack(STACK, |stack| stack.lock = None);
}

#[tokio::test]
async fn any_optional_part_may_be_lacking_and_that_is_remembered() {
    for lacking in OPTIONAL {
        let (simulator, app) = start().await;
        simulator.change_schema(lacking, SchemaChange::Absent).unwrap();
        all_works(&simulator, &app).await;
        let refused = simulator.counters().refused_documents;
        all_works(&simulator, &app).await;
        assert_eq!(
            simulator.counters().refused_documents,
            refused,
            "{lacking} is asked for again"
        );
    }
}

#[tokio::test]
async fn all_optional_parts_may_be_lacking_at_once() {
    let (simulator, app) = start().await;
    for lacking in OPTIONAL {
        simulator.change_schema(lacking, SchemaChange::Absent).unwrap();
    }
    all_works(&simulator, &app).await;
}

#[test]
fn the_table_has_every_part_that_is_marked_as_optional() {
    let mut marked = BTreeSet::new();
    for file in fs::read_dir("schema/spacelift/operations").unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter_map(|line| line.strip_suffix("# optional")) {
            let mut words = line.split(|each: char| !each.is_ascii_alphanumeric());
            marked.insert(words.find(|word| !word.is_empty()).unwrap().to_owned());
        }
    }
    let name = |coordinate: &&str| {
        let name = coordinate.trim_end_matches(":)");
        name.rsplit(['.', '(']).next().unwrap().to_owned()
    };
    let mut named: BTreeSet<_> = OPTIONAL.iter().map(name).collect();
    // The alias under which it is asked for.
    assert!(named.remove("name") && named.insert("named".to_owned()));
    assert_eq!(marked, named);
}

#[tokio::test]
async fn a_lock_is_told_as_far_as_the_schema_has_it() {
    for (lacking, told) in [
        ("Stack.lockNote", "is locked by jane since "),
        ("Stack.lockedAt", "is locked by jane; "),
        ("Stack.canWrite", "is locked by jane since "),
    ] {
        let (simulator, app) = start().await;
        simulator.change_schema(lacking, SchemaChange::Absent).unwrap();
        simulator.lock_stack(STACK, "jane");
        let (status, text) = refusal(app.post(&format!("{STACKS}/{STACK}/trigger")).await).await;
        assert!(status == 409 && text.contains(told), "{lacking}: {status} {text}");
    }
}

#[tokio::test]
async fn what_a_schema_lacks_and_is_needed_fails_that_operation_alone() {
    let (simulator, app) = start().await;
    simulator
        .change_schema("Mutation.runDiscard", SchemaChange::Absent)
        .unwrap();
    let run = run_at_rest(&simulator, &app).await;
    let (status, text) = decide(&app, &run, "discard").await;
    assert!(
        status == 502
            && text.contains("schema lacks something that DiscardRun needs")
            && text.contains("runDiscard"),
        "{status} {text}"
    );
    assert_eq!(decide(&app, &run, "confirm").await.0, 200);
}

#[tokio::test]
async fn a_lack_is_told_once_in_the_log_and_by_check() {
    let (log, _listening) = Remembered::listen();
    let (simulator, config) = prepare("cacheTtl: 0s").await;
    simulator
        .change_schema("User.validUntil", SchemaChange::Absent)
        .unwrap();
    let app = TestApp::start(&config).await;
    for _ in 0..3 {
        simulator.revoke_tokens();
        ok(&app, STACKS).await;
    }
    assert_eq!(
        log.text()
            .matches("This Spacelift lacks validUntil, so LogIn goes without")
            .count(),
        1
    );
    let checks = TestApp::check(&config).await;
    let schema = checks
        .iter()
        .find(|check| check.name == "Spacelift schema")
        .unwrap();
    assert!(
        schema
            .outcome
            .as_ref()
            .unwrap()
            .contains("LogIn without validUntil"),
        "{schema:?}"
    );
}

#[tokio::test]
async fn without_a_viewer_sessions_are_short_and_replaced() {
    let (simulator, config) = prepare("cacheTtl: 0s").await;
    simulator
        .change_schema("Query.viewer", SchemaChange::Absent)
        .unwrap();
    let mut app = TestApp::start(&config).await;
    ok(&app, STACKS).await;
    simulator.revoke_tokens();
    let (status, text) = read(app.post(&format!("{STACKS}/{STACK}/trigger")).await).await;
    assert_eq!(status, 200, "{text}");
    simulator.revoke_tokens();
    pass(&mut app, 61).await;
    assert_eq!(ok(&app, STACKS).await.as_array().unwrap().len(), 12);
    assert_eq!(simulator.counters().logins(), 3);
}

#[tokio::test]
async fn a_null_loses_its_stack_and_no_other() {
    // Where the field may be null, where it takes its stack along, and where it takes the list.
    for (nullable, required) in [
        (Some("Stack.branch"), None),
        (None, None),
        (None, Some("Query.stacks")),
    ] {
        let (simulator, app) = start().await;
        for (coordinate, change) in [
            (nullable, SchemaChange::Nullable),
            (required, SchemaChange::Required),
        ] {
            if let Some(coordinate) = coordinate {
                simulator.change_schema(coordinate, change).unwrap();
            }
        }
        simulator.update_stack(STACK, |stack| stack.nulls.push("branch"));
        if required.is_none() {
            assert_eq!(ok(&app, STACKS).await.as_array().unwrap().len(), 11);
        } else {
            let (status, text) = refusal(app.get(STACKS).await).await;
            assert!(status == 502 && text.contains("at stacks.0.branch"), "{text}");
        }
    }
}

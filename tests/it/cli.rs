//! The commands of the real binary: what they print and how they end.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use stagedoor::config::from_json;
use tempfile::TempDir;

use crate::support::{
    app::{STATIC_TOKEN, backend_section, client},
    binary::Binary,
};

/// A value no output may repeat.
const SECRET: &str = "hunter2-in-the-configuration";

fn folder(app_config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-config.yaml"), app_config).unwrap();
    folder
}

/// Runs a command to its end; returns its exit code and everything it printed.
async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    ended(Binary::start(folder, arguments, &[])).await
}

async fn ended(binary: Binary) -> (Option<i32>, String) {
    let (status, printed) = tokio::task::spawn_blocking(|| binary.ended()).await.unwrap();
    (status.code(), printed)
}

fn recorded(case: &str) -> (PathBuf, Json, Json) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/app-config")
        .join(case);
    let read = |name: &str| serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    let (case, expected) = (read("case.json"), read("expected.json"));
    (folder, case, expected)
}

#[tokio::test]
async fn config_print_prints_what_the_real_loader_reads() {
    for name in [
        "merge-deep-objects",
        "discover-default-and-local",
        "env-basic",
        "include-yaml",
        "appconfig-json-values",
        "yaml-anchors",
    ] {
        let (folder, case, expected) = recorded(name);
        let environment = case["env"].as_object().unwrap();
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let arguments = ["config", "print", "--show-secrets", "--format", "json"];
        let (code, printed) = ended(Binary::start(&folder, &arguments, &environment)).await;
        assert_eq!(code, Some(0), "{name}: {printed}");
        let printed: Json = serde_json::from_str(&printed).unwrap();
        let same = from_json(printed.clone()) == from_json(expected["config"].clone());
        assert!(same, "{name}: {printed}");
    }
}

#[tokio::test]
async fn config_print_masks_secrets_unless_told_otherwise() {
    let folder = folder(&format!(
        "app: {{ title: Portal }}\nspacelift: {{ hostUrl: example.app.spacelift.io, apiSecret: {SECRET} }}\n"
    ));
    for format in ["json", "yaml"] {
        let (code, printed) = run(folder.path(), &["config", "print", "--format", format]).await;
        assert_eq!(code, Some(0), "{printed}");
        assert!(
            printed.contains("Portal") && printed.contains("<secret>"),
            "{printed}"
        );
        assert!(!printed.contains(SECRET), "{printed}");
    }
    let (_, printed) = run(folder.path(), &["config", "print", "--show-secrets"]).await;
    assert!(printed.contains(SECRET), "{printed}");
}

#[tokio::test]
async fn config_print_masks_by_place_and_form_short_values_too() {
    let folder = folder(
        "backend: { database: { client: pg, connection: { host: db.example, password: pw, ssl: { key: k3y } } } }\n\
         proxy: { endpoints: { /x: { target: 'https://u:p1@h/x', auth: 'u:p2', headers: { x-any: [h3] } } } }\n\
         mine: { pat: p4, nested: [{ psk: 5555, webhook: 'https://h/w6' }], pin: '${MY_SECRET}' }\n",
    );
    for format in ["json", "yaml"] {
        let arguments = ["config", "print", "--format", format];
        let binary = Binary::start(
            folder.path(),
            &arguments,
            &[("MY_SECRET", "variable-of-a-secret")],
        );
        let (code, printed) = ended(binary).await;
        assert_eq!(code, Some(0), "{printed}");
        for secret in ["pw", "k3y", "p1", "p2", "h3", "p4", "5555", "w6", "variable-of"] {
            assert!(!printed.contains(secret), "{secret} is shown: {printed}");
        }
        for open in ["db.example", "pg", "https://<secret>@h/x"] {
            assert!(printed.contains(open), "{open} is hidden: {printed}");
        }
    }
}

#[tokio::test]
async fn config_check_names_every_broken_section_without_its_values_and_ends_with_64() {
    let broken = format!(
        "{}spacelift: {{ hostUrl: example.app.spacelift.io, apiKey: key, apiSecret: [{SECRET}] }}\n\
         stagedoor: {{ spacelift: {{ timeout: {SECRET} }} }}\n",
        backend_section().replace(STATIC_TOKEN, &format!("[{SECRET}]"))
    );
    let (code, printed) = run(folder(&broken).path(), &["config", "check"]).await;
    assert_eq!(code, Some(64), "{printed}");
    for key in [
        "backend.auth.externalAccess[0].options.token",
        "spacelift.apiSecret",
        "stagedoor.spacelift.timeout",
    ] {
        assert!(printed.contains(key), "{key} is missing in:\n{printed}");
    }
    assert!(!printed.contains(SECRET), "{printed}");
}

#[tokio::test]
async fn config_check_says_what_is_on_and_what_is_off() {
    let spacelift = "spacelift: { hostUrl: example.app.spacelift.io, apiKey: key, apiSecret: secret }\n";
    for (section, state) in [(spacelift, "spacelift-io (on)"), ("", "spacelift-io (off)")] {
        let folder = folder(&format!("{}{section}", backend_section()));
        let (code, printed) = run(folder.path(), &["config", "check"]).await;
        assert_eq!(code, Some(0), "{printed}");
        assert!(
            printed.contains(state) && printed.contains("ske (off)"),
            "{printed}"
        );
    }
}

#[tokio::test]
async fn serve_on_a_taken_port_names_the_key_to_change_and_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let (code, printed) = run(folder(&backend_section()).path(), &["serve", &listen]).await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("already in use") && printed.contains("--listen"),
        "{printed}"
    );
}

#[tokio::test]
async fn listen_is_strict_and_says_how_an_address_is_written() {
    let folder = folder(&backend_section());
    for text in ["127.0.0.1", "0.0.0.0", "0x1bc5", "7109abc", "localhost", ""] {
        for command in ["serve", "healthcheck"] {
            let (code, printed) = run(folder.path(), &[command, &format!("--listen={text}")]).await;
            assert_eq!(code, Some(64), "{command} {text}: {printed}");
            assert!(printed.contains("127.0.0.1:7008"), "{text}: {printed}");
        }
    }
}

#[tokio::test]
async fn healthcheck_tells_a_running_service_from_none() {
    let folder = folder(&backend_section());
    let service = Binary::start(folder.path(), &["serve", "--listen=127.0.0.1:0"], &[]);
    let listen = format!("--listen={}", service.base().replace("http://", ""));
    let (code, printed) = run(folder.path(), &["healthcheck", &listen]).await;
    assert_eq!((code, printed.trim()), (Some(0), "ready"));
    let (status, _) = tokio::task::spawn_blocking(|| service.terminated())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let (code, printed) = run(folder.path(), &["healthcheck", &listen]).await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("does not answer"), "{printed}");
}

/// A Spacelift that says nothing keeps the requests in flight until the test lets go of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_are_answered_before_the_service_ends_with_0() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/graphql", silent.local_addr().unwrap());
    let folder = folder(&format!(
        "{}spacelift: {{ hostUrl: example.app.spacelift.io, apiKey: key, apiSecret: secret }}\n\
         stagedoor: {{ spacelift: {{ endpoint: '{endpoint}' }} }}\n",
        backend_section()
    ));
    let service = Binary::start(folder.path(), &["serve", "--listen=127.0.0.1:0"], &[]);
    let base = service.base();
    let list = client()
        .get(format!("{base}/api/spacelift-io/stacks"))
        .bearer_auth(STATIC_TOKEN);
    let answer = tokio::spawn(list.send());
    let in_flight = silent.accept().await.unwrap();
    let ending = tokio::task::spawn_blocking(|| service.terminated());
    let readiness = format!("{base}/.backstage/health/v1/readiness");
    while client()
        .get(&readiness)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {}
    assert!(!answer.is_finished(), "the request is still under way");
    drop((in_flight, silent));
    assert_eq!(answer.await.unwrap().unwrap().status(), 502);
    let (status, printed) = ending.await.unwrap();
    assert_eq!(status.code(), Some(0), "{printed}");
}

//! What is written to the repository says what the manifest says, to the last digit, and is told apart from what was there.

use serde_json::{Value, json};

use super::place::{Depot, MINE, TEAM};
use crate::{
    actions::portal::send,
    ske::{
        place::CONFIGURE,
        portal::{manifest, post},
    },
    support::app::STATIC_TOKEN,
};

/// The largest and smallest that 64 bits hold, and one that a double rounds.
const LARGE: [&str; 4] = [
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
];

const CONFIGURE_ACTION: &str = "/api/ske/.backstage/actions/v1/actions/ske%3Aconfigure-resource/invoke";

fn text(name: &str, spec: &str) -> Value {
    let head = format!(
        "apiVersion: example.org/v1\nkind: Database\nmetadata: {{name: {name}, namespace: {TEAM}}}\n"
    );
    json!({ "manifest": format!("{head}spec: {spec}\n") })
}

#[tokio::test]
async fn integers_of_64_bits_are_committed_as_written() {
    let depot = Depot::open().await;
    for (index, number) in LARGE.into_iter().enumerate() {
        let json: Value = serde_json::from_str(&format!("{{\"size\": {number}}}")).unwrap();
        let object = manifest(&depot.kind, TEAM, &format!("object-{index}"), json);
        let written = text(&format!("text-{index}"), &format!("{{size: {number}}}"));
        depot.configure(&object).await.ok();
        depot.configure(&written).await.ok();
        let named = text(&format!("action-{index}"), &format!("{{size: {number}}}"));
        let template = depot.guests_template();
        let reply = send(
            &depot.app,
            ("POST", CONFIGURE_ACTION),
            Some(&template),
            &named.to_string(),
        )
        .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        for name in ["object", "text", "action"] {
            let name = format!("{name}-{index}");
            let file = format!("requests/team_database.example.org_{name}.yaml");
            let content = depot.remote.show(&file);
            assert!(content.ends_with(&format!("size: {number}")), "{content}");
            let read = depot.read(&name).await.ok()["manifest"]["spec"]["size"].to_string();
            assert_eq!(read, number);
        }
    }
}

#[tokio::test]
async fn another_last_digit_is_another_manifest() {
    let depot = Depot::open().await;
    for number in ["9007199254740992", "9007199254740993", "9007199254740994"] {
        let before = depot.head();
        depot
            .configure(&text("mine", &format!("{{size: {number}}}")))
            .await
            .ok();
        assert_ne!(depot.head(), before, "{number}");
        assert!(
            depot.remote.show(MINE).ends_with(&format!("size: {number}")),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_name_that_looks_like_a_number_is_taken_as_written() {
    let depot = Depot::open().await;
    for name in ["007", "1e3", "0x10", "true", "2026"] {
        depot.configure(&text(name, "{size: small}")).await.ok();
        let content = depot
            .remote
            .show(&format!("requests/team_database.example.org_{name}.yaml"));
        assert!(content.contains(&format!("name: \"{name}\"\n")), "{content}");
        depot.read(name).await.ok();
    }
    let namespace = text("mine", "{}")["manifest"]
        .as_str()
        .unwrap()
        .replace(TEAM, "0123");
    depot.configure(&json!({ "manifest": namespace })).await.ok();
    depot.read_in("0123", "mine").await.ok();
}

#[tokio::test]
async fn a_merge_key_is_never_committed() {
    let depot = Depot::open().await;
    let before = depot.head();
    let spec = json!({ "a": [{ "<<": { "x": 1 } }] });
    let yaml = [
        "{<<: {x: 1}}",
        "{'<<': 1}",
        "{!!merge <<: {x: 1}}",
        "[{\"<<\": 1}]",
    ];
    let bodies = yaml.map(|spec| text("mine", spec)).into_iter();
    for body in bodies.chain([manifest(&depot.kind, TEAM, "mine", spec)]) {
        let (status, message) = depot.configure(&body).await.refused();
        assert!(
            status == 400 && message.contains(".<<'") && message.contains("write the fields out"),
            "{body}: {status} {message}"
        );
    }
    assert_eq!(depot.head(), before);
}

#[tokio::test]
async fn what_exists_stays_when_it_should_be_new() {
    let depot = Depot::open().await;
    let body = |size: &str, rule: &str| {
        let mut body = manifest(&depot.kind, TEAM, "mine", json!({ "size": size }));
        body["ifExists"] = rule.into();
        body
    };
    assert_eq!(
        depot.configure(&body("small", "fail")).await.ok()["created"],
        true
    );
    let before = depot.head();
    for size in ["small", "large"] {
        let (status, message) = depot.configure(&body(size, "fail")).await.refused();
        assert!(
            status == 409 && message.contains("Database team/mine exists already"),
            "{status} {message}"
        );
    }
    assert_eq!(depot.head(), before);
    assert_eq!(
        depot.configure(&body("large", "update")).await.ok()["created"],
        false
    );
    let (status, message) = depot.configure(&body("large", "replace")).await.refused();
    assert!(status == 400 && message.contains("'ifExists'"), "{message}");
}

#[tokio::test]
async fn of_many_who_make_the_same_object_one_does() {
    let depot = Depot::open().await;
    let bodies: Vec<Value> = (0..8)
        .map(|number| {
            let mut body = manifest(&depot.kind, TEAM, "mine", json!({ "size": number }));
            body["ifExists"] = "fail".into();
            body
        })
        .collect();
    let all = bodies
        .iter()
        .map(|body| post(&depot.app, STATIC_TOKEN, CONFIGURE, body));
    let mut statuses: Vec<u16> = futures_util::future::join_all(all)
        .await
        .iter()
        .map(|said| said.status)
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(depot.remote.commits().len(), 2);
}

#[tokio::test]
async fn what_flux_would_substitute_is_warned_of() {
    let depot = Depot::open().await;
    let said = depot.write("mine", json!({ "motd": "Hello ${USER}" })).await.ok();
    let warning = said["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("spec.motd holds '${…}'") && warning.contains("postBuild"),
        "{warning}"
    );
    assert!(depot.remote.show(MINE).contains("Hello ${USER}"));
    let said = depot
        .write("mine", json!({ "motd": "Hello $${USER}" }))
        .await
        .ok();
    assert_eq!(said["warnings"], Value::Null);
}

#[tokio::test]
async fn a_kind_without_namespaces_is_named_without_one() {
    let depot =
        Depot::with("{ allow: [{ group: '*', kinds: ['*'], access: write }], deletePromises: true }").await;
    let api_version = "platform.kratix.io/v1alpha1";
    let promise = json!({ "apiVersion": api_version, "kind": "Promise", "metadata": { "name": "redis" } });
    depot.configure(&json!({ "manifest": promise })).await.ok();
    assert_eq!(depot.told("%s"), "chore: configure Promise redis");
    let mut body = json!({ "manifest": promise, "ifExists": "fail" });
    let (_, message) = depot.configure(&body).await.refused();
    assert!(message.starts_with("Promise redis exists already"), "{message}");
    body = json!({ "apiVersion": api_version, "kind": "Promise", "name": "redis" });
    post(&depot.app, STATIC_TOKEN, crate::ske::place::DELETE, &body)
        .await
        .ok();
    assert_eq!(depot.told("%s"), "chore: delete Promise redis");
}

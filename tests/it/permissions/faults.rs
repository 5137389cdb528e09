//! A permission backend that is down, slow or lying: nobody gets in, and nobody is told it was their fault.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{JANE, Portal, through_scaffolder, token_of};
use crate::support::{
    app::TestApp,
    backstage::{AUTH_KEYS, Answer},
    log::Remembered,
    policy::{FakePolicy, Trouble},
    spacelift::{FakeSpacelift, listed},
};

const STACKS: &str = "/api/spacelift-io/stacks";

async fn portal(fake: &FakeSpacelift) -> Portal {
    Portal::start(&fake.section("timeout: 1s")).await
}

#[tokio::test]
async fn what_it_answers_instead_of_a_verdict_is_a_502_or_503_that_names_it() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    for (answered, status) in [
        (503, 503),
        (504, 504),
        (500, 502),
        (401, 502),
        (403, 502),
        (404, 502),
        (429, 502),
        (302, 502),
    ] {
        portal.policy.trouble(Some(Trouble::Status(answered)));
        let (got, text) = portal.get(&token_of(JANE), STACKS).await;
        assert_eq!(got, status, "{answered}: {text}");
        assert!(text.contains("permission backend"), "{text}");
        assert!(text.contains(&answered.to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_sign_in_whose_key_is_gone_is_a_401_and_forgotten() {
    let fake = FakeSpacelift::start().await;
    for token in [token_of(JANE), through_scaffolder(JANE, "spacelift-io")] {
        let portal = portal(&fake).await;
        portal.policy.trouble(Some(Trouble::Status(401)));
        let (status, text) = portal.get(&token, STACKS).await;
        assert_eq!(status, 502, "the sign-in is good, so ours was refused: {text}");
        let none = Answer::Document(json!({ "keys": [] }));
        portal.backstage.serve(AUTH_KEYS, none);
        let (status, text) = portal.get(&token, STACKS).await;
        assert!(
            status == 401 && text.contains("Sign in again"),
            "{status}: {text}"
        );
        portal.policy.trouble(None);
        assert_eq!(portal.get(&token, STACKS).await.0, 401, "it is not remembered");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_leave_a_refusal_a_502() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    portal.policy.trouble(Some(Trouble::Status(401)));
    assert_eq!(portal.get(&token_of(JANE), STACKS).await.0, 502);
    for gone in [Answer::Status(503), Answer::Text("<html>".to_owned())] {
        portal.backstage.serve(AUTH_KEYS, gone);
        assert_eq!(portal.get(&token_of(JANE), STACKS).await.0, 502);
    }
}

#[tokio::test]
async fn the_log_line_of_each_5xx_has_its_cause() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    let dead = Trouble::Status;
    for (trouble, path, status) in [
        (dead(401), STACKS, 502),
        (dead(503), STACKS, 503),
        (Trouble::Text("<html>".to_owned()), STACKS, 502),
        (Trouble::Cut, STACKS, 502),
        (Trouble::Hang, STACKS, 504),
        (dead(200), "/api/ske/resource", 501),
    ] {
        portal.policy.trouble(Some(trouble.clone()));
        let (got, text) = portal.get(&token_of(JANE), path).await;
        assert_eq!(got, status, "{trouble:?}: {text}");
        let log = log.text();
        let line = log
            .lines()
            .rfind(|line| line.contains("incomingRequest"))
            .unwrap();
        let cause = line.split("error=\"").nth(1).unwrap_or_default();
        assert!(
            cause.len() > 20 && !cause.starts_with("no cause"),
            "{trouble:?}: {line}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_question_lets_nobody_in() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    let lies: [fn(&[String]) -> Value; 8] = [
        |_| json!({}),
        |_| json!({ "items": [] }),
        |_| json!({ "items": [{ "id": "other", "result": "ALLOW" }] }),
        |_| json!({ "items": [{ "result": "ALLOW" }] }),
        |ids| json!({ "items": [{ "id": ids[0], "result": "ALLOW" }, { "id": ids[0], "result": "ALLOW" }] }),
        |ids| json!({ "items": [{ "id": ids[0], "result": "MAYBE" }] }),
        |ids| json!({ "items": [{ "id": ids[0], "result": ["ALLOW"] }] }),
        |ids| json!({ "items": [{ "id": ids[0], "result": "CONDITIONAL", "pluginId": "spacelift-io", "conditions": {} }] }),
    ];
    for lie in lies {
        portal.policy.trouble(Some(Trouble::Lie(lie)));
        let (status, text) = portal.get(&token_of(JANE), STACKS).await;
        assert_eq!(status, 502, "{:?}: {text}", lie(&["id".to_owned()]));
    }
    let endless = format!("{{\"items\":[\"{}\"]}}", "x".repeat(2 << 20));
    for nonsense in ["", "<html>", "null", "[]", "\"ALLOW\"", &endless] {
        portal.policy.trouble(Some(Trouble::Text(nonsense.to_owned())));
        let (status, text) = portal.get(&token_of(JANE), STACKS).await;
        assert_eq!(status, 502, "{nonsense:.20}: {text}");
    }
}

#[tokio::test]
async fn an_allowance_that_breaks_off_or_stops_before_its_last_byte_is_none() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    for (trouble, status, says) in [(Trouble::Cut, 502, "broke off"), (Trouble::Stall, 504, "in time")] {
        portal.policy.trouble(Some(trouble));
        let (got, text) = portal.get(&token_of(JANE), STACKS).await;
        assert!(got == status && text.contains(says), "{got}: {text}");
    }
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    let portal = portal(&fake).await;
    portal.policy.trouble(Some(Trouble::Status(500)));
    assert_eq!(portal.get(&token_of(JANE), STACKS).await.0, 502);
    portal.policy.trouble(None);
    assert_eq!(portal.get(&token_of(JANE), STACKS).await.0, 200);
}

#[tokio::test]
async fn one_that_does_not_answer_is_a_504() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    portal.policy.trouble(Some(Trouble::Hang));
    let (status, text) = portal.get(&token_of(JANE), STACKS).await;
    assert_eq!(status, 504, "{text}");
    assert!(text.contains("discovery.endpoints for 'permission'"), "{text}");
}

#[tokio::test]
async fn one_that_is_down_is_a_502() {
    let fake = FakeSpacelift::start().await;
    let portal = Portal::with(FakePolicy::down(), "", &fake.section("timeout: 1s")).await;
    let (status, text) = portal.get(&token_of(JANE), STACKS).await;
    assert_eq!(status, 502, "{text}");
    assert!(text.contains("cannot be reached"), "{text}");
}

#[tokio::test]
async fn a_database_that_hangs_is_named_and_not_the_permission_backend() {
    let fake = FakeSpacelift::start().await;
    let portal = portal(&fake).await;
    // The machine takes connections, and nobody answers.
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = format!("postgres://user:secret@{}", hangs.local_addr().unwrap());
    let section = json!({ "client": "pg", "connection": connection });
    let config = std::fs::read_to_string(portal.app.folder.path().join("app-config.yaml")).unwrap();
    let database = format!("backend:\n  database: {section}\n");
    let app = TestApp::start(&config.replacen("backend:\n", &database, 1)).await;
    let asked = app.client.get(app.url(STACKS)).bearer_auth(token_of(JANE));
    let (status, text) = super::read(asked.send().await.unwrap()).await;
    assert_eq!(status, 503, "{text}");
    assert!(
        text.contains("backend.database") && !text.contains("permission backend"),
        "{text}"
    );
}

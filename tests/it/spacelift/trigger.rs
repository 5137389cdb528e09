//! `POST /stacks/{id}/trigger`: started once, refused with a reason, lost with a warning, never repeated blindly.

use serde_json::{Value, json};

use super::{portal, read, refusal};
use crate::support::{
    app::TestApp,
    spacelift::{
        FakeSpacelift, Reply, dead_list, error, explained, html, listed, logged_in_as, stack, triggered,
        writable,
    },
};

const TRIGGER: &str = "/api/spacelift-io/stacks/my-stack/trigger";

/// Triggers at a Spacelift that gives these answers after the login.
async fn refused_with(answers: Vec<(&'static str, Reply)>) -> (u16, String) {
    let fake = FakeSpacelift::start().await;
    fake.expect_login();
    for (operation, reply) in answers {
        fake.expect(operation, reply);
    }
    refusal(portal(&fake).await.post(TRIGGER).await).await
}

/// What a refused trigger says when the stack looks like this.
async fn refused_because(message: &str, stack: Value) -> (u16, String) {
    refused_with(vec![
        ("TriggerRun", error(message)),
        ("ExplainRefusal", explained(stack)),
    ])
    .await
}

#[tokio::test]
async fn a_trigger_answers_the_run_and_tells_spacelift_who_asked() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("TriggerRun", triggered("01HRUN00000000000000000002"));
    let app = portal(&fake).await;
    let (status, text) = read(app.post(TRIGGER).await).await;
    assert_eq!(
        (status, text.as_str()),
        (200, r#"{"id":"01HRUN00000000000000000002","state":"QUEUED"}"#)
    );
    let asked = fake.last("TriggerRun");
    assert_eq!(asked.body["variables"], json!({"stack": "my-stack"}));
    assert_eq!(
        asked.header("spacelift-user-provided-run-metadata"),
        Some("tests")
    );
    assert_eq!(asked.header("spacelift-graphql-mutation"), Some("TriggerRun"));
}

#[tokio::test]
async fn a_page_of_another_site_starts_no_run() {
    let fake = FakeSpacelift::start().await;
    let open = "  auth:\n    dangerouslyDisableDefaultAuthPolicy: true\n";
    let app = TestApp::start(&fake.app_config("timeout: 1s").replacen("  auth:\n", open, 1)).await;
    let request = app
        .client
        .post(app.url(TRIGGER))
        .header("origin", "https://evil.test");
    let request = request.header("content-type", "text/plain").body("x");
    let (status, message) = refusal(request.send().await.unwrap()).await;
    assert_eq!(status, 403, "{message}");
    assert!(message.contains("backend.cors.origin"), "{message}");
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn the_id_is_percent_decoded_and_travels_only_as_a_variable() {
    for (path, id) in [("a%2Fb%20c", "a/b c"), ("..%2f", "../"), ("trigger", "trigger")] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login().expect("TriggerRun", triggered("run"));
        let app = portal(&fake).await;
        assert_eq!(
            app.post(&format!("/api/spacelift-io/stacks/{path}/trigger"))
                .await
                .status(),
            200
        );
        assert_eq!(fake.last("TriggerRun").body["variables"]["stack"], id);
    }
}

#[tokio::test]
async fn ids_that_cannot_be_any_are_refused_before_spacelift_is_asked() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    let overlong = "x".repeat(256);
    for (id, says) in [
        ("%E0%A4%A", "broken percent escape"),
        ("a%00b", "control"),
        (overlong.as_str(), "longer"),
    ] {
        let (status, text) = refusal(app.post(&format!("/api/spacelift-io/stacks/{id}/trigger")).await).await;
        assert!(status == 400 && text.contains(says), "{status} {text}");
    }
    assert_eq!(
        refusal(app.post("/api/spacelift-io/stacks//trigger").await)
            .await
            .0,
        404
    );
    assert_eq!(refusal(app.get(TRIGGER).await).await.0, 404);
}

#[tokio::test]
async fn read_only_refuses_in_the_node_plugins_words_without_asking_spacelift() {
    let fake = FakeSpacelift::start().await;
    let config = fake.app_config("").replace("apiKey:", "readOnly: true, apiKey:");
    let app = TestApp::start(&config).await;
    let expected = r#"{"error":"Trigger functionality is disabled. Plugin is in read-only mode."}"#;
    assert_eq!(read(app.post(TRIGGER).await).await, (403, expected.to_owned()));
}

#[tokio::test]
async fn a_refused_trigger_says_what_is_wrong_with_the_stack() {
    let locked = json!({"id": "a", "canWrite": true, "isDisabled": false, "lockedBy": "jane", "lockedAt": 1_700_000_000, "lockNote": null});
    let read_only = json!({"id": "a", "canWrite": false, "isDisabled": false});
    let disabled = json!({"id": "a", "canWrite": true, "isDisabled": true});
    for (message, stack, status, says) in [
        ("stack not found", Value::Null, 404, "knows no stack 'my-stack'"),
        (
            "unauthorized",
            read_only,
            403,
            "may not start runs on stack 'my-stack'",
        ),
        (
            "could not trigger",
            locked,
            409,
            "locked by jane since 2023-11-14T22:13:20Z",
        ),
        ("could not trigger", disabled, 409, "is disabled"),
        (
            "no credits left",
            writable(),
            502,
            "refused TriggerRun: no credits left",
        ),
        ("unauthorized", writable(), 502, "check the key's role"),
    ] {
        let answer = refused_because(message, stack).await;
        assert!(
            answer.0 == status && answer.1.contains(says),
            "{answer:?} for {message}"
        );
    }
}

#[tokio::test]
async fn a_trigger_is_sent_again_only_after_unauthorized_from_a_dead_session() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("TriggerRun", error("unauthorized"))
        .expect(
            "ExplainRefusal",
            Reply::Json(json!({"data": {"viewer": null, "stack": null}})),
        )
        .expect("LogIn", logged_in_as("second"))
        .expect("TriggerRun", triggered("run"));
    let app = portal(&fake).await;
    assert_eq!(app.post(TRIGGER).await.status(), 200);
    assert_eq!(
        fake.last("TriggerRun").header("authorization"),
        Some("Bearer second")
    );
}

#[tokio::test]
async fn a_lost_trigger_is_a_504_with_a_link_and_is_never_repeated() {
    let lost = [
        Reply::Close,
        Reply::CloseMidBody,
        Reply::Hang,
        html(200),
        html(503),
        html(408),
        Reply::Raw(202, "", "{}".into()),
        Reply::Raw(200, "", r#"{"data":{"runTrigger":{"id""#.into()),
    ];
    for reply in lost {
        let (status, text) = refused_with(vec![("TriggerRun", reply)]).await;
        assert_eq!(status, 504);
        assert!(
            text.contains("the run may have started; look at https://acme.app.spacelift.io/stack/my-stack"),
            "{text}"
        );
    }
}

/// An answer with an error that lies below the mutation.
fn below(message: &str, data: &Value) -> Reply {
    let errors = json!([{ "message": message, "path": ["runTrigger", "state"] }]);
    Reply::Json(json!({ "data": data, "errors": errors }))
}

#[tokio::test]
async fn a_trigger_whose_answer_is_what_failed_may_have_started_a_run_and_is_never_repeated() {
    let pathless = json!([{ "message": "boom" }]);
    for reply in [
        below("boom", &json!({ "runTrigger": null })),
        below("unauthorized", &json!({ "runTrigger": null })),
        below("boom", &Value::Null),
        below("boom", &json!({ "runTrigger": { "id": "run", "state": null } })),
        Reply::Json(json!({ "data": { "runTrigger": { "id": "run" } }, "errors": pathless })),
        Reply::Json(json!({ "data": { "runTrigger": null } })),
        Reply::Json(json!({ "data": null })),
    ] {
        let (status, text) = refused_with(vec![("TriggerRun", reply)]).await;
        assert_eq!(status, 504, "{text}");
        assert!(
            text.contains("the run may have started; look at https://acme.app.spacelift.io/stack/my-stack"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_link_of_a_lost_trigger_cannot_be_led_astray_by_the_id() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", Reply::Close);
    let app = portal(&fake).await;
    let (_, text) = refusal(app.post("/api/spacelift-io/stacks/..%2Fa%3Fb%23c/trigger").await).await;
    assert!(
        text.ends_with("https://acme.app.spacelift.io/stack/..%2Fa%3Fb%23c"),
        "{text}"
    );
}

#[tokio::test]
async fn a_trigger_that_spacelift_did_not_take_is_not_called_lost() {
    let limited = Reply::Raw(
        429,
        "retry-after: 7\r\n",
        r#"{"errors":[{"message":"rate limit exceeded"}]}"#.into(),
    );
    assert_eq!(refused_with(vec![("TriggerRun", limited)]).await.0, 429);
    let (status, text) = refused_with(vec![("TriggerRun", html(404))]).await;
    assert!(status == 502 && text.contains("HTTP status 404"), "{text}");
}

#[tokio::test]
async fn a_trigger_finishes_although_its_caller_has_left() {
    let fake = FakeSpacelift::start().await;
    let (go, reply) = triggered("run").held();
    fake.expect_login()
        .expect("ListStacks", listed(json!([stack("before")])))
        .expect("TriggerRun", reply)
        .expect("ListStacks", listed(json!([stack("after")])));
    let app = portal(&fake).await;
    read(app.get(super::STACKS).await).await;
    tokio::select! {
        _ = app.post(TRIGGER) => panic!("nothing was answered yet"),
        () = fake.received(3) => {}
    }
    go.send(()).unwrap();
    assert!(super::until_body(&app, super::STACKS, "Name of after").await);
}

#[tokio::test]
async fn a_dead_session_found_by_a_refusal_without_unauthorized_is_forgotten_but_not_tried_again() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("TriggerRun", error("boom"))
        .expect("ExplainRefusal", dead_list())
        .expect("LogIn", logged_in_as("second"))
        .expect("ListStacks", listed(json!([])));
    let app = portal(&fake).await;
    let (status, text) = refusal(app.post(TRIGGER).await).await;
    assert!(status == 502 && text.contains("boom"), "{text}");
    assert_eq!(app.get(super::STACKS).await.status(), 200);
}

//! Every case of the protocol's table of invocations, in its order.

use serde_json::{Value, json};

use super::portal::{LIST, Portal};
use crate::support::app::STATIC_TOKEN;

#[track_caller]
fn says(found: (u16, String, String), status: u16, name: &str, message: &str) {
    assert_eq!(
        (found.0, found.1.as_str(), found.2.as_str()),
        (status, name, message)
    );
}

#[tokio::test]
async fn an_action_answers_its_output_and_nothing_answers_an_empty_object() {
    let portal = Portal::start().await;
    let done = portal
        .invoke("do-thing", &json!({"thingName": "a", "times": 3}))
        .await;
    assert_eq!(done.output(), json!({"caller": "tests", "did": "a x 3"}));
    let looked = portal.invoke("look", &json!({})).await;
    assert_eq!((looked.status, looked.text.as_str()), (200, "{}"));
}

#[tokio::test]
async fn the_id_may_come_plain_or_escaped_and_no_body_is_an_empty_object() {
    let portal = Portal::start().await;
    for id in ["sample:look", "sample%3Alook", "sample%3alook"] {
        let path = format!("{LIST}/{id}/invoke");
        assert_eq!(
            portal.send(("POST", &path), Some(STATIC_TOKEN), "").await.status,
            200,
            "{id}"
        );
        let bare = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {STATIC_TOKEN}\r\n\r\n"
        );
        assert_eq!(
            portal.raw(&bare).await.status,
            200,
            "{id} without a body and its type"
        );
    }
}

#[tokio::test]
async fn without_credentials_it_is_401_whatever_else_is_wrong() {
    let portal = Portal::start().await;
    for action in ["look", "unknown"] {
        let path = format!("{LIST}/sample%3A{action}/invoke");
        let found = portal.send(("POST", &path), None, "{").await.refused();
        says(found, 401, "AuthenticationError", "Missing credentials");
    }
    let found = portal
        .invoke_as("not-a-token", "look", &json!({}))
        .await
        .refused();
    says(found, 401, "AuthenticationError", "Illegal token");
}

#[tokio::test]
async fn nobody_invokes_anything_even_where_the_default_policy_is_switched_off() {
    let portal = Portal::without_barrier().await;
    assert_eq!(portal.send(("GET", LIST), None, "").await.status, 200);
    for action in ["look", "unknown"] {
        let path = format!("{LIST}/sample%3A{action}/invoke");
        let found = portal.send(("POST", &path), None, "").await.refused();
        let sentence = "Actions must be invoked by an authenticated principal, not an anonymous request";
        says(found, 403, "NotAllowedError", sentence);
    }
}

#[tokio::test]
async fn an_unknown_action_is_404_before_its_input_is_looked_at() {
    let portal = Portal::start().await;
    let found = portal.invoke("unknown", &json!({"x": 1})).await.refused();
    says(found, 404, "NotFoundError", "Action \"sample:unknown\" not found");
    let path = format!("{LIST}/look/invoke");
    let found = portal
        .send(("POST", &path), Some(STATIC_TOKEN), "")
        .await
        .refused();
    says(found, 404, "NotFoundError", "Action \"look\" not found");
}

#[tokio::test]
async fn input_that_does_not_fit_is_400_and_names_every_field_without_its_value() {
    let portal = Portal::start().await;
    let reply = portal
        .invoke("do-thing", &json!({"times": "hush", "thingname": "hush"}))
        .await;
    let sentence = "Invalid input to action \"sample:do-thing\": 'thingName' is required; 'times' must be a whole \
                    number; 'thingname' is not wanted here";
    says(reply.refused(), 400, "InputError", sentence);
    let cause = &reply.json()["error"]["cause"];
    assert_eq!(cause["name"], "ZodError");
    let issue = json!({"code": "custom", "path": ["thingName"], "message": "is required"});
    assert_eq!(cause["issues"].as_array().unwrap().len(), 3);
    assert_eq!(cause["issues"][0], issue);
    assert!(!reply.text.contains("hush"));
    let found = portal.invoke("look", &json!([])).await.refused();
    says(
        found,
        400,
        "InputError",
        "Invalid input to action \"sample:look\": the whole must be an object",
    );
}

#[tokio::test]
async fn a_type_that_reads_less_than_its_schema_promises_refuses_without_quoting() {
    let portal = Portal::start().await;
    let found = portal
        .invoke("drifted", &json!({"number": "hush"}))
        .await
        .refused();
    says(found, 400, "InputError", "The input is not what 'drifted' reads");
}

#[tokio::test]
async fn an_action_that_needs_secrets_gets_them_through_v2_alone() {
    let portal = Portal::start().await;
    let needed = "Action \"sample:use-secret\" requires secrets but none were provided";
    for reply in [
        portal.invoke("use-secret", &json!({})).await,
        portal.invoke_v2("use-secret", &json!({"input": {}})).await,
    ] {
        says(reply.refused(), 400, "InputError", needed);
    }
    let given = json!({"input": {}, "secrets": {"password": "hush-hush"}});
    assert_eq!(
        portal.invoke_v2("use-secret", &given).await.output(),
        json!({"length": 9})
    );
}

#[tokio::test]
async fn of_several_faults_the_first_check_tells_its_own() {
    let portal = Portal::start().await;
    let secrets = json!({ "password": "hush-hush" });
    for (action, body, says) in [
        (
            "unknown",
            json!({ "input": 1, "secrets": secrets }),
            "Action \"sample:unknown\" not found",
        ),
        (
            "do-thing",
            json!({ "input": {}, "secrets": secrets }),
            "Invalid input to action \"sample:do-thing\"",
        ),
        (
            "use-secret",
            json!({ "input": { "x": 1 } }),
            "Invalid input to action \"sample:use-secret\"",
        ),
        (
            "bad-output",
            json!({ "input": {}, "secrets": secrets }),
            "Action \"sample:bad-output\" does not accept secrets",
        ),
    ] {
        let (_, _, message) = portal.invoke_v2(action, &body).await.refused();
        assert!(message.starts_with(says), "{message}");
    }
}

#[tokio::test]
async fn secrets_that_are_not_accepted_or_do_not_fit_are_400_and_never_repeated() {
    let portal = Portal::start().await;
    for secrets in [json!({}), json!({"password": "hush"})] {
        let reply = portal
            .invoke_v2("look", &json!({"input": {}, "secrets": secrets}))
            .await;
        says(
            reply.refused(),
            400,
            "InputError",
            "Action \"sample:look\" does not accept secrets",
        );
    }
    let reply = portal
        .invoke_v2("use-secret", &json!({"secrets": {"password": "hus", "hush": 1}}))
        .await;
    let sentence = "Invalid secrets for action \"sample:use-secret\": 'password' must be at least 4 long; \
                    'hush' is not wanted here";
    says(reply.refused(), 400, "InputError", sentence);
}

#[tokio::test]
async fn v2_wraps_the_input_and_takes_it_for_empty_when_it_is_missing() {
    let portal = Portal::start().await;
    let done = portal
        .invoke_v2("do-thing", &json!({"input": {"thingName": "a"}}))
        .await;
    assert_eq!(done.output()["did"], "a x 1");
    assert_eq!(portal.invoke_v2("look", &json!({})).await.status, 200);
    let (status, _, message) = portal
        .invoke_v2("do-thing", &json!({"thingName": "a"}))
        .await
        .refused();
    assert!(
        status == 400 && message.ends_with("'thingName' is required"),
        "{message}"
    );
}

#[tokio::test]
async fn output_that_does_not_fit_is_400_naming_the_field() {
    let portal = Portal::start().await;
    let found = portal.invoke("bad-output", &json!({})).await.refused();
    let sentence = "Invalid output from action \"sample:bad-output\": 'count' must be a whole number";
    says(found, 400, "InputError", sentence);
}

#[tokio::test]
async fn what_an_action_fails_with_is_passed_on_with_status_name_message_and_fields() {
    let portal = Portal::start().await;
    for status in [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504] {
        let input = json!({"status": status, "message": "The thing is locked by jane"});
        let reply = portal.invoke("fail", &input).await;
        says(
            reply.refused(),
            status,
            "SampleError",
            "The thing is locked by jane",
        );
        assert_eq!(reply.json()["error"]["hint"], Value::from("a field"));
    }
}

#[tokio::test]
async fn broken_and_oversize_bodies_are_refused_before_any_action_and_explained_like_its_failures() {
    let portal = Portal::start().await;
    let path = format!("{LIST}/sample%3Alook/invoke");
    let broken = portal
        .send(("POST", &path), Some(STATIC_TOKEN), "{\"hush\":")
        .await;
    says(
        broken.refused(),
        400,
        "SyntaxError",
        "Unexpected end of JSON input",
    );
    let large = json!({"thingName": "x".repeat(102_400)});
    let large = portal.invoke("do-thing", &large).await;
    says(
        large.refused(),
        413,
        "PayloadTooLargeError",
        "request entity too large",
    );
    assert_eq!(large.json()["error"]["limit"], 102_400);
}

//! Spacelift misbehaving: each fault has its status, its sentence and its end within the time-out.

use std::time::Instant;

use serde_json::json;

use super::{STACKS, portal, read, refusal};
use crate::support::{
    app::{LIMIT, TestApp},
    log::Remembered,
    spacelift::{CANARY_QUOTE, FakeSpacelift, Reply, error, html, listed, stack},
};

/// A fault, and the status and words it must become.
type Case = (Reply, u16, &'static str);

fn json_with(status: u16, body: &str) -> Reply {
    Reply::Raw(status, "content-type: application/json\r\n", body.to_owned())
}

fn faults() -> Vec<Case> {
    let coded = json!({"data": null, "errors": [{"message": "boom", "extensions": {"code": "E_BOOM"}}]});
    vec![
        (html(200), 502, "not one of Spacelift's"),
        (
            json_with(200, r#"{"data":{"viewer":{"id":"x"},"stacks":[{"id""#),
            502,
            "not one of Spacelift's",
        ),
        (json_with(200, "{}"), 502, "not one of Spacelift's"),
        (json_with(200, r#"{"data":null}"#), 502, "not one of Spacelift's"),
        (
            json_with(200, r#"{"data":{"viewer":{"id":"x"},"stacks":null}}"#),
            502,
            "not one of Spacelift's",
        ),
        (
            json_with(200, r#"{"data":{"viewer":{"id":"x"},"stacks":[{"id":"a"}]}}"#),
            502,
            "stack 'a' has no usable 'name'",
        ),
        (Reply::Json(coded), 502, "refused ListStacks: boom"),
        (
            json_with(500, r#"{"errors":[{"message":"upstream exploded"}]}"#),
            502,
            "it said: upstream exploded",
        ),
        (html(503), 502, "HTTP status 503"),
        (html(401), 502, "no proxy answers in its place"),
        (html(403), 502, "no proxy answers in its place"),
        (json_with(302, ""), 502, "check spacelift.hostUrl"),
        (Reply::Close, 502, "broke during ListStacks"),
        (Reply::CloseMidBody, 502, "broke during ListStacks"),
        (Reply::Hang, 504, "did not answer ListStacks within 1 s"),
    ]
}

#[tokio::test]
async fn each_fault_of_a_list_has_its_status_and_sentence_in_bounded_time() {
    for (reply, status, says) in faults() {
        let fake = FakeSpacelift::start().await;
        fake.expect_login().expect("ListStacks", reply);
        let app = portal(&fake).await;
        let begun = Instant::now();
        let answer = refusal(app.get(STACKS).await).await;
        assert!(
            answer.0 == status && answer.1.contains(says),
            "{answer:?} instead of {says}"
        );
        assert!(begun.elapsed() < LIMIT / 2);
    }
}

#[tokio::test]
async fn partial_data_is_not_shown_as_if_it_were_all() {
    let fake = FakeSpacelift::start().await;
    let partial = json!({"data": {"viewer": {"id": "x"}, "stacks": [stack("a")]}, "errors": [{"message": "one space was skipped"}]});
    fake.expect_login().expect("ListStacks", Reply::Json(partial));
    let (status, text) = refusal(portal(&fake).await.get(STACKS).await).await;
    assert!(status == 502 && text.contains("one space was skipped"), "{text}");
}

#[tokio::test]
async fn a_stack_that_failed_alone_takes_no_other_with_it() {
    let (log, _listening) = Remembered::listen();
    let fake = FakeSpacelift::start().await;
    let error = json!([{"message": "no space", "path": ["stacks", 1, "spaceDetails"]}]);
    let stacks = json!([stack("a"), null, stack("c")]);
    let mut odd = stack("b");
    odd["branch"] = json!(null);
    let partial = json!({"data": {"viewer": {"id": "x"}, "stacks": stacks}, "errors": error});
    fake.expect_login()
        .expect("ListStacks", Reply::Json(partial))
        .expect("ListStacks", listed(json!([stack("a"), odd, stack("c")])))
        .expect("ListStacks", listed(json!([stack("a"), odd, stack("c")])))
        .expect("ListStacks", listed(json!([stack("a"), odd, stack("c")])));
    let app = TestApp::start(&fake.app_config("cacheTtl: 0s")).await;
    for _ in 0..3 {
        let (status, text) = read(app.get(STACKS).await).await;
        let shown: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let ids: Vec<_> = shown.iter().map(|stack| stack["id"].as_str().unwrap()).collect();
        assert_eq!((status, ids), (200, vec!["a", "c"]));
    }
    let (status, text) = refusal(app.get(&format!("{STACKS}/b")).await).await;
    assert!(
        status == 502 && text.contains("stack 'b' has no usable 'branch'"),
        "{text}"
    );
    let text = log.text();
    for told in [
        "number 2 of the list has no usable 'spaceDetails'",
        "stack 'b' has no usable 'branch', so it is left out",
    ] {
        assert_eq!(text.matches(told).count(), 1, "{told}: {text}");
    }
}

#[tokio::test]
async fn what_spacelift_adds_to_an_error_is_passed_on_as_details() {
    let fake = FakeSpacelift::start().await;
    let reply = json!({"data": null, "errors": [{"message": "boom", "extensions": {"code": "E_BOOM", "retry": true}}]});
    fake.expect_login().expect("ListStacks", Reply::Json(reply));
    let (_, text) = read(portal(&fake).await.get(STACKS).await).await;
    assert_eq!(
        text,
        r#"{"error":"Spacelift refused ListStacks: boom","details":{"code":"E_BOOM","retry":true}}"#
    );
}

#[tokio::test]
async fn secrets_that_spacelift_quotes_are_not_passed_on_whatever_the_status() {
    let quote = json!({"errors": [{"message": CANARY_QUOTE, "extensions": {"quoted": [CANARY_QUOTE]}}]});
    for status in [200, 400, 500] {
        for operation in ["ListStacks", "TriggerRun"] {
            let fake = FakeSpacelift::start().await;
            fake.expect_login()
                .expect(operation, json_with(status, &quote.to_string()));
            if operation == "TriggerRun" && status == 200 {
                fake.expect("ExplainRefusal", html(503));
            }
            let app = portal(&fake).await;
            let answer = match operation {
                "ListStacks" => app.get(STACKS).await,
                _ => app.post("/api/spacelift-io/stacks/a/trigger").await,
            };
            let (told, text) = refusal(answer).await;
            let lost = operation == "TriggerRun" && status == 500;
            assert_eq!(told, if lost { 504 } else { 502 });
            assert!(lost || text.contains("[redacted]"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_met_by_one_call_is_obeyed_by_all() {
    let limited = || Reply::Raw(429, "retry-after: 30\r\n", String::new());
    let trigger = "/api/spacelift-io/stacks/a/trigger";
    for operation in ["ListStacks", "TriggerRun"] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login().expect(operation, limited());
        let app = portal(&fake).await;
        let first = match operation {
            "ListStacks" => app.get(STACKS).await,
            _ => app.post(trigger).await,
        };
        // The fake refuses any further call.
        for answer in [first, app.post(trigger).await, app.get(STACKS).await] {
            assert_eq!(answer.status(), 429);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_is_passed_on_with_its_pause_and_obeyed() {
    let fake = FakeSpacelift::start().await;
    let limited = Reply::Raw(
        429,
        "retry-after: 30\r\n",
        r#"{"errors":[{"message":"rate limit exceeded"}],"-":429}"#.into(),
    );
    fake.expect_login().expect("ListStacks", limited);
    let app = portal(&fake).await;
    for _ in 0..3 {
        let response = app.get(STACKS).await;
        assert_eq!(response.status(), 429);
        let wait: u32 = response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((25..=30).contains(&wait));
    }
}

#[tokio::test]
async fn a_failure_is_told_again_for_a_moment_and_then_forgotten() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", error("boom"))
        .expect("ListStacks", listed(json!([stack("a")])));
    let app = portal(&fake).await;
    assert_eq!(app.get(STACKS).await.status(), 502);
    assert_eq!(app.get(STACKS).await.status(), 502);
    assert_eq!(fake.requests().len(), 2);
    assert!(super::until_body(&app, STACKS, "Name of a").await);
}

#[tokio::test]
async fn a_list_that_is_too_old_is_never_shown_instead_of_a_failure() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", listed(json!([stack("a")])))
        .expect("ListStacks", html(503));
    let app = TestApp::start(&fake.app_config("cacheTtl: 0s")).await;
    assert_eq!(app.get(STACKS).await.status(), 200);
    assert_eq!(app.get(STACKS).await.status(), 502);
}

#[tokio::test]
async fn a_host_that_is_down_is_a_502_that_names_the_key_to_check() {
    let fake = FakeSpacelift::start().await;
    let config = fake.app_config("").replace(&fake.url(), "http://127.0.0.1:9");
    let app = TestApp::start(&config).await;
    for answer in [
        app.get(STACKS).await,
        app.post("/api/spacelift-io/stacks/a/trigger").await,
    ] {
        let (status, text) = refusal(answer).await;
        assert!(
            status == 502 && text.contains("check spacelift.hostUrl"),
            "{text}"
        );
    }
}

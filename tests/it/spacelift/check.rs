//! `stagedoor check`: one line for each step, and the cure where one fails.

use serde_json::json;

use crate::support::{
    app::TestApp,
    spacelift::{API_SECRET, FakeSpacelift, Reply, html, key_unknown, listed, stack},
};

/// The lines about Spacelift, as `name: ok` or `name: what failed`.
async fn lines(config: &str) -> Vec<String> {
    let checks = TestApp::check(config).await;
    let ours = checks
        .into_iter()
        .filter(|check| check.name.starts_with("Spacelift"));
    ours.map(|check| match check.outcome {
        Ok(seen) => format!("{} ok: {seen}", check.name),
        Err(problem) => format!("{} failed: {problem}", check.name),
    })
    .collect()
}

#[tokio::test]
async fn all_well_counts_the_stacks_that_take_runs() {
    let fake = FakeSpacelift::start().await;
    let stacks = json!([
        {"id": "a", "canWrite": true, "isDisabled": false},
        {"id": "b", "canWrite": true, "isDisabled": true},
        {"id": "c", "canWrite": false, "isDisabled": false},
    ]);
    let access = json!({"data": {"viewer": {"id": "api::1"}, "named": {"name": "portal"}, "stacks": stacks}});
    fake.expect_login()
        .expect("ListStacks", listed(json!([])))
        .expect("CheckAccess", Reply::Json(access));
    let expected = [
        "Spacelift connection ok: plain http to this machine",
        "Spacelift login ok: the API key was accepted",
        "Spacelift viewer ok: signed in as portal",
        "Spacelift stacks ok: 3 visible, 1 of them take runs from this key",
    ];
    assert_eq!(lines(&fake.app_config("")).await, expected);
}

#[tokio::test]
async fn a_wrong_secret_fails_at_the_login_and_names_the_keys() {
    let fake = FakeSpacelift::start().await;
    fake.expect("LogIn", key_unknown());
    let lines = lines(&fake.app_config("")).await;
    assert_eq!(lines.len(), 2);
    assert!(
        lines[1].starts_with("Spacelift login failed") && lines[1].contains("spacelift.apiSecret"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_host_that_is_down_fails_at_the_connection_and_nothing_more_is_tried() {
    let fake = FakeSpacelift::start().await;
    let lines = lines(&fake.app_config("").replace(&fake.url(), "http://127.0.0.1:9")).await;
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("Spacelift connection failed") && lines[0].contains("spacelift.hostUrl"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn check_tells_why_a_key_was_refused_and_no_secret() {
    let reason = format!("the account is suspended (given {API_SECRET})");
    for (status, reply) in [(200, "[\"apiKeyUser\"]"), (401, "[]"), (400, "[]")] {
        let fake = FakeSpacelift::start().await;
        let body = format!(r#"{{"data":null,"errors":[{{"message":"{reason}","path":{reply}}}]}}"#);
        fake.expect(
            "LogIn",
            Reply::Raw(status, "content-type: application/json\r\n", body),
        );
        let lines = lines(&fake.app_config("")).await;
        let told = "Spacelift said: the account is suspended (given [redacted]";
        assert!(
            lines[1].starts_with("Spacelift login failed") && lines[1].contains(told),
            "{lines:?}"
        );
        assert!(!lines[1].contains(API_SECRET));
    }
}

#[tokio::test]
async fn a_stack_that_cannot_be_shown_is_a_failed_line_with_its_field() {
    let fake = FakeSpacelift::start().await;
    let mut odd = stack("b");
    odd["branch"] = json!(null);
    let access = json!({"data": {"viewer": {"id": "k"}, "named": {"name": "portal"}, "stacks": [null]}});
    fake.expect_login()
        .expect("ListStacks", listed(json!([stack("a"), odd])))
        .expect("CheckAccess", Reply::Json(access));
    let lines = lines(&fake.app_config("")).await;
    let told = "Spacelift stacks failed: 1 left out of the list: stack 'b' has no usable 'branch'";
    assert!(lines.iter().any(|line| line == told), "{lines:?}");
}

#[tokio::test]
async fn a_list_that_fails_is_a_line_of_its_own() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", html(503))
        .expect_login()
        .expect("ListStacks", listed(json!([])))
        .expect("CheckAccess", html(503));
    for _ in 0..2 {
        let lines = lines(&fake.app_config("")).await;
        assert!(
            lines[2].starts_with("Spacelift stacks failed") && lines[2].contains("503"),
            "{lines:?}"
        );
    }
}

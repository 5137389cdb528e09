//! Logins: refused keys, rotated secrets, and how few of them there are.

use futures_util::future::join_all;
use serde_json::json;

use super::{STACKS, pass, portal, read, refusal};
use crate::support::{
    app::TestApp,
    log::Remembered,
    spacelift::{
        API_KEY, API_SECRET, FakeSpacelift, Reply, dead_list, error, graphql_refusal, html, key_unknown,
        listed, logged_in_as, stack, triggered,
    },
};

#[tokio::test]
async fn a_login_that_fails_says_why_and_never_looks_like_the_callers_fault() {
    let limited = Reply::Raw(429, "retry-after: 9\r\n", String::new());
    for (reply, status, says) in [
        (key_unknown(), 502, "spacelift.apiKey and spacelift.apiSecret"),
        (error("unauthorized"), 502, "does not accept the API key"),
        (graphql_refusal(401), 502, "does not accept the API key"),
        (html(401), 502, "no proxy answers in its place"),
        (html(403), 502, "no proxy answers in its place"),
        (
            Reply::Json(json!({"data": {"apiKeyUser": {"jwt": null}}})),
            502,
            "does not accept the API key",
        ),
        (html(200), 502, "not one of Spacelift's"),
        (html(503), 502, "HTTP status 503"),
        (Reply::Json(json!({})), 502, "not one of Spacelift's"),
        (Reply::Hang, 504, "did not answer LogIn"),
        (limited, 429, "slow down"),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect("LogIn", reply);
        let app = portal(&fake).await;
        let answer = refusal(app.get(STACKS).await).await;
        assert!(
            answer.0 == status && answer.1.contains(says),
            "{answer:?} instead of {says}"
        );
    }
}

#[tokio::test]
async fn why_a_login_was_refused_stands_in_the_log_without_the_secret() {
    let (log, _listening) = Remembered::listen();
    let said = json!({"errors": [{"message": format!("the account is suspended\r\n({API_SECRET})")}]});
    for status in [200, 400, 401, 500] {
        let fake = FakeSpacelift::start().await;
        fake.expect(
            "LogIn",
            Reply::Raw(status, "content-type: application/json\r\n", said.to_string()),
        );
        let (status, text) = refusal(portal(&fake).await.get(STACKS).await).await;
        let hint = "what it said is in Stagedoor's log";
        assert!(
            status == 502 && text.contains(hint) && !text.contains("suspended"),
            "{text}"
        );
    }
    let text = log.text();
    let told = "Spacelift said: the account is suspended  [redacted]";
    assert_eq!(text.matches(told).count(), 4, "{text}");
    assert!(!text.contains(API_SECRET));
}

/// What a server says of a field that its schema lacks.
fn lacking(field: &str) -> String {
    json!({"errors": [{"message": format!("Cannot query field \"{field}\" on type \"User\".")}]}).to_string()
}

#[tokio::test]
async fn a_login_goes_without_what_the_schema_lacks() {
    for (status, body) in [
        (200, lacking("validUntil")),
        (400, lacking("validUntil")),
        (
            422,
            lacking("validUntil").replace("{\"errors", "{\"data\":null,\"errors"),
        ),
        (
            200,
            json!({"errors": [{"message": "no", "locations": [{"line": 5, "column": 5}]}]}).to_string(),
        ),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect(
            "LogIn",
            Reply::Raw(status, "content-type: application/json\r\n", body),
        )
        .expect(
            "LogIn",
            Reply::Json(json!({"data": {"apiKeyUser": {"jwt": "canary-short"}}})),
        )
        .expect("ListStacks", listed(json!([stack("a")])));
        assert_eq!(portal(&fake).await.get(STACKS).await.status(), 200);
        let asked = fake.last("LogIn").body["query"].as_str().unwrap().to_owned();
        assert!(asked.contains("jwt") && !asked.contains("validUntil"), "{asked}");
    }
}

#[tokio::test]
async fn a_schema_that_lacks_what_is_needed_is_not_called_a_wrong_key() {
    for status in [200, 400] {
        let fake = FakeSpacelift::start().await;
        fake.expect(
            "LogIn",
            Reply::Raw(status, "content-type: application/json\r\n", lacking("jwt")),
        );
        let (status, text) = refusal(portal(&fake).await.get(STACKS).await).await;
        assert!(
            status == 502 && text.contains("schema lacks something that LogIn needs"),
            "{text}"
        );
        assert!(!text.contains("does not accept the API key"), "{text}");
    }
}

#[tokio::test]
async fn what_a_refused_login_says_is_not_told_since_it_may_quote_the_secret() {
    let quote = json!({"errors": [{"message": format!("no key {API_KEY} with {API_SECRET}")}]});
    for status in [200, 400, 500] {
        let fake = FakeSpacelift::start().await;
        let reply = Reply::Raw(status, "content-type: application/json\r\n", quote.to_string());
        fake.expect("LogIn", reply);
        let (status, text) = refusal(portal(&fake).await.get(STACKS).await).await;
        assert!(status == 502 && !text.contains("no key"), "{text}");
    }
}

#[tokio::test]
async fn sessions_that_are_never_accepted_cause_no_login_per_call() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ListStacks", dead_list())
        .expect_login()
        .expect("ListStacks", dead_list());
    let mut app = portal(&fake).await;
    for _ in 0..3 {
        // A trigger asks anew, and so does the list after it; the fake refuses any further call.
        let trigger = "/api/spacelift-io/stacks/a/trigger";
        for answer in [app.get(STACKS).await, app.post(trigger).await] {
            let (status, text) = refusal(answer).await;
            assert!(status == 502 && text.contains("not the session"), "{text}");
        }
    }
    // The login is tried again once the time is over.
    pass(&mut app, 10).await;
    fake.expect_login().expect("ListStacks", listed(json!([])));
    assert_eq!(app.get(STACKS).await.status(), 200);
}

#[tokio::test]
async fn triggers_that_wait_for_the_same_login_share_it_when_it_fails() {
    let fake = FakeSpacelift::start().await;
    let (go, reply) = key_unknown().held();
    fake.expect("LogIn", reply);
    let app = portal(&fake).await;
    let asking = join_all((0..20).map(|_| app.post("/api/spacelift-io/stacks/a/trigger")));
    let (answers, ()) = tokio::join!(asking, async {
        fake.received(1).await;
        go.send(()).unwrap();
    });
    assert!(answers.iter().all(|answer| answer.status() == 502));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_secret_that_was_rotated_in_its_file_is_read_again_when_the_old_one_is_refused() {
    let fake = FakeSpacelift::start().await;
    fake.expect("LogIn", key_unknown())
        .expect("LogIn", logged_in_as("second"))
        .expect("ListStacks", listed(json!([stack("a")])));
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "canary-old-secret").unwrap();
    let config = fake
        .app_config("")
        .replace(API_SECRET, &format!("{{ $file: '{}' }}", secret.display()));
    let app = TestApp::start(&config).await;
    std::fs::write(&secret, "canary-new-secret").unwrap();
    let (status, text) = read(app.get(STACKS).await).await;
    assert!(status == 200 && text.contains("Name of a"), "{text}");
    assert_eq!(
        fake.last("LogIn").body["variables"]["secret"],
        "canary-new-secret"
    );
}

#[tokio::test]
async fn a_session_whose_end_lies_in_the_past_by_our_clock_is_used_all_the_same() {
    let fake = FakeSpacelift::start().await;
    fake.expect(
        "LogIn",
        Reply::Json(json!({"data": {"apiKeyUser": {"jwt": "s", "validUntil": 1}}})),
    )
    .expect("ListStacks", listed(json!([])))
    .expect("TriggerRun", triggered("run"));
    let app = portal(&fake).await;
    assert_eq!(app.get(STACKS).await.status(), 200);
    assert_eq!(app.post("/api/spacelift-io/stacks/a/trigger").await.status(), 200);
}

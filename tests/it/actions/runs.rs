//! Runs as actions and as plain routes: looked at, and waited for within bounds.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};

use super::spacelift::{invoke, portal, rest};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys},
    spacelift::{FakeSpacelift, Reply, explained, html},
};

pub(super) const RUN: &str = "/api/spacelift-io/stacks/a/runs/01HRUN";

pub(super) fn named() -> Value {
    json!({"stackId": "a", "runId": "01HRUN"})
}

fn is_over(state: &str) -> bool {
    !["PLANNING", "APPLYING", "UNCONFIRMED", "PENDING_REVIEW"].contains(&state)
}

/// What Spacelift says of the run in this state.
fn seen(state: &str) -> Reply {
    Reply::Json(json!({"data": {"viewer": {"id": "k"}, "stack": {"run": {
        "id": "01HRUN", "state": state, "type": "TRACKED", "createdAt": 1_700_000_000, "updatedAt": 1_700_000_060,
        "triggeredBy": "api::k", "finished": is_over(state),
    }}}}))
}

/// The same as we show it.
fn shown(state: &str) -> Value {
    json!({
        "id": "01HRUN", "state": state, "type": "TRACKED", "finished": is_over(state),
        "succeeded": state == "FINISHED", "needsDecision": state == "UNCONFIRMED", "createdAt": 1_700_000_000,
        "updatedAt": 1_700_000_060, "triggeredBy": "api::k",
        "url": "https://acme.app.spacelift.io/stack/a/run/01HRUN",
    })
}

fn waited(state: &str, timed_out: bool) -> Value {
    let mut waited = shown(state);
    waited["timedOut"] = timed_out.into();
    waited
}

#[tokio::test]
async fn a_run_is_looked_at_both_ways() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", seen("PLANNING"))
        .expect("GetRun", seen("FINISHED"));
    let app = portal(&fake).await;
    let answer = json!({ "output": shown("PLANNING") });
    assert_eq!(invoke(&app, "get-run", &named()).await, (200, answer));
    assert_eq!(rest(app.get(RUN).await).await, (200, shown("FINISHED")));
    assert_eq!(
        fake.last("GetRun").body["variables"],
        json!({"stack": "a", "run": "01HRUN"})
    );
}

#[tokio::test]
async fn an_unknown_run_and_an_unknown_stack_are_404_and_say_which() {
    for (stack, says) in [
        (json!({"run": null}), "has no run '01HRUN'"),
        (Value::Null, "knows no stack 'a'"),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login().expect("GetRun", explained(stack));
        let app = portal(&fake).await;
        let (status, body) = invoke(&app, "wait-for-run", &named()).await;
        assert!(
            status == 404 && body["error"]["message"].as_str().unwrap().contains(says),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_run_id_is_never_left_out() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    for action in ["get-run", "wait-for-run", "confirm-run", "discard-run"] {
        let (status, body) = invoke(&app, action, &json!({"stackId": "a"})).await;
        assert!(
            status == 400
                && body["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("'runId' is required"),
            "{body}"
        );
        let (status, body) = invoke(&app, action, &json!({"stackId": "a", "runId": "../x"})).await;
        assert!(
            status == 400
                && body["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("letters and digits"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_decision_a_person_must_take_and_waits_through_a_bad_moment() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", html(503))
        .expect("GetRun", seen("UNCONFIRMED"));
    let app = portal(&fake).await;
    let answer = json!({ "output": waited("UNCONFIRMED", false) });
    assert_eq!(invoke(&app, "wait-for-run", &named()).await, (200, answer));
}

#[tokio::test]
async fn a_wait_that_gives_up_is_a_200_that_says_so() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", seen("APPLYING"))
        .expect("GetRun", html(502));
    let app = portal(&fake).await;
    let begun = Instant::now();
    let answer = rest(app.get(&format!("{RUN}/wait?timeoutSeconds=1")).await).await;
    assert_eq!(answer, (200, waited("APPLYING", true)));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_run_that_ends_badly_fails_its_wait_with_state_and_link() {
    let told = |state: &str| {
        format!(
            "Run '01HRUN' ended as {state} on stack 'a'; look at https://acme.app.spacelift.io/stack/a/run/01HRUN"
        )
    };
    for state in [
        "FAILED",
        "DISCARDED",
        "CANCELED",
        "STOPPED",
        "SKIPPED",
        "SOME_NEW_END",
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("GetRun", seen(state))
            .expect("GetRun", seen(state));
        let app = portal(&fake).await;
        let (status, body) = invoke(&app, "wait-for-run", &named()).await;
        assert_eq!(
            (status, body["error"]["name"].as_str()),
            (409, Some("ConflictError")),
            "{body}"
        );
        assert_eq!(body["error"]["message"], told(state));
        let (status, body) = rest(app.get(&format!("{RUN}/wait")).await).await;
        let details = json!({ "state": state, "url": "https://acme.app.spacelift.io/stack/a/run/01HRUN" });
        assert_eq!(
            (status, body),
            (409, json!({ "error": told(state), "details": details }))
        );
    }
}

#[tokio::test]
async fn a_failed_run_is_no_failure_of_a_wait_that_says_so() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", html(502))
        .expect("GetRun", seen("FAILED"))
        .expect("GetRun", seen("DISCARDED"));
    let app = portal(&fake).await;
    let mut input = named();
    input["failOnFailure"] = json!(false);
    let answer = json!({ "output": waited("FAILED", false) });
    assert_eq!(invoke(&app, "wait-for-run", &input).await, (200, answer));
    let answer = rest(app.get(&format!("{RUN}/wait?failOnFailure=false")).await).await;
    assert_eq!(answer, (200, waited("DISCARDED", false)));
}

#[tokio::test]
async fn a_wait_that_never_saw_the_run_fails_with_the_reason() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", html(503))
        .expect("GetRun", html(503));
    let app = portal(&fake).await;
    let mut input = named();
    input["timeoutSeconds"] = json!(1);
    let (status, body) = invoke(&app, "wait-for-run", &input).await;
    assert!(
        status == 502
            && body["error"]["message"]
                .as_str()
                .unwrap()
                .contains("HTTP status 503"),
        "{body}"
    );
}

#[tokio::test]
async fn the_time_to_wait_is_bounded_on_both_ways() {
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    let mut input = named();
    input["timeoutSeconds"] = json!(241);
    let (status, body) = invoke(&app, "wait-for-run", &input).await;
    assert!(
        status == 400 && body["error"]["message"].as_str().unwrap().contains("at most 240"),
        "{body}"
    );
    let (status, body) = rest(app.get(&format!("{RUN}/wait?timeoutSeconds=soon")).await).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (
            400,
            Some("'timeoutSeconds' must be a whole number of seconds, and 'failOnFailure' true or false")
        )
    );
}

/// Stagedoor among other backends, and tokens of a user whose sign-in ends then.
async fn among_others(fake: &FakeSpacelift, exp: i64) -> (TestApp, String, String) {
    let backstage = FakeBackstage::empty().await;
    let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("scaffolder"));
    backstage.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [user.published()] })));
    let keys = json!({ "keys": [plugin.published()] });
    backstage.serve(&plugin_keys("scaffolder"), Answer::Document(keys));
    let config = fake
        .app_config("timeout: 1s")
        .replace("http://localhost:7007", &backstage.origin);
    let claims = json!({ "sub": "user:default/jane", "iat": 1, "exp": exp });
    let limited = user.sign("vnd.backstage.limited-user", &claims);
    let claims = json!({ "sub": "scaffolder", "aud": "spacelift-io", "iat": 1, "exp": exp, "obo": limited });
    let through = plugin.sign("vnd.backstage.plugin", &claims);
    let app = TestApp::start(&config).await;
    (app, user.user("user:default/jane", FAR), through)
}

#[tokio::test]
async fn a_wait_ends_before_the_callers_sign_in_does() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("GetRun", seen("APPLYING"))
        .expect("GetRun", seen("APPLYING"));
    let (app, _, through) = among_others(&fake, i64::try_from(now).unwrap() + 7).await;
    let path = "/api/spacelift-io/.backstage/actions/v1/actions/spacelift-io:wait-for-run/invoke";
    let begun = Instant::now();
    let asked = app
        .client
        .post(app.url(path))
        .bearer_auth(&through)
        .json(&named());
    let (status, body) = rest(asked.send().await.unwrap()).await;
    assert_eq!(
        (status, &body["output"]["timedOut"]),
        (200, &json!(true)),
        "{body}"
    );
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_caller_cannot_take_the_places_of_all() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login();
    let held = (0..10).map(|_| {
        let (go, reply) = seen("FINISHED").held();
        fake.expect("GetRun", reply);
        go
    });
    let held: Vec<_> = held.collect();
    fake.expect("GetRun", seen("FINISHED"));
    let (app, _, through) = among_others(&fake, FAR).await;
    let wait = |token: &str| {
        let asked = app.client.get(app.url(&format!("{RUN}/wait"))).bearer_auth(token);
        asked.send()
    };
    let waiting = futures_util::future::join_all((0..10).map(|_| wait(STATIC_TOKEN)));
    let refusal = async {
        fake.received(11).await;
        let refused = wait(STATIC_TOKEN).await.unwrap();
        assert_eq!(refused.headers()["retry-after"], "10");
        let (status, body) = rest(refused).await;
        let told = body["error"].as_str().unwrap().to_owned();
        assert!(
            status == 429 && told.starts_with("10 waits of this caller are under way"),
            "{told}"
        );
        assert_eq!(
            wait(&through).await.unwrap().status(),
            200,
            "a user has places of their own"
        );
        held.into_iter().for_each(|go| go.send(()).unwrap());
    };
    let (ended, ()) = tokio::join!(waiting, refusal);
    assert!(ended.into_iter().all(|answer| answer.unwrap().status() == 200));
}

/// A body whose length is not announced.
fn unmeasured(text: &'static str) -> reqwest::Body {
    let frames = [Ok::<_, std::io::Error>(Frame::data(Bytes::from(text)))];
    reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test]
async fn a_note_that_is_no_json_is_refused_before_anything_is_decided() {
    // Nothing is expected of Spacelift: any call fails the test.
    let fake = FakeSpacelift::start().await;
    let app = portal(&fake).await;
    for verb in ["confirm", "discard"] {
        let url = app.url(&format!("{RUN}/{verb}"));
        let asked = || app.client.post(&url).bearer_auth(STATIC_TOKEN);
        let form = ("content-type", "application/x-www-form-urlencoded");
        for asked in [
            asked().body("just a note"),
            asked().header(form.0, form.1).body("note=ok"),
            asked().body(unmeasured("note")),
        ] {
            let (status, body) = rest(asked.send().await.unwrap()).await;
            assert!(
                status == 415 && body["error"].as_str().unwrap().contains("as JSON"),
                "{status} {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_service_and_tells_what_it_saw() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("GetRun", seen("APPLYING"));
    let app = portal(&fake).await;
    let asked = app
        .client
        .get(app.url(&format!("{RUN}/wait?timeoutSeconds=200")))
        .bearer_auth(STATIC_TOKEN);
    let waiting = tokio::spawn(asked.send());
    fake.received(2).await;
    // The answer to the look must have come.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    app.stop().await.unwrap();
    let answer = rest(waiting.await.unwrap().unwrap()).await;
    assert_eq!(answer, (200, waited("APPLYING", true)));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_plain_routes_that_decide_want_a_plugin_in_between_like_the_actions() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect(
        "ConfirmRun",
        Reply::Json(json!({"data": {"runConfirm": {"id": "01HRUN", "state": "CONFIRMED"}}})),
    );
    let (app, direct, through) = among_others(&fake, FAR).await;
    for verb in ["confirm", "discard"] {
        let asked = app
            .client
            .post(app.url(&format!("{RUN}/{verb}")))
            .bearer_auth(&direct);
        let (status, body) = rest(asked.send().await.unwrap()).await;
        assert!(
            status == 403
                && body["error"]
                    .as_str()
                    .unwrap()
                    .contains("stagedoor.actions.writeCallers"),
            "{body}"
        );
    }
    let asked = app
        .client
        .post(app.url(&format!("{RUN}/confirm")))
        .bearer_auth(&through);
    assert_eq!(
        asked.json(&json!({"note": "ok"})).send().await.unwrap().status(),
        200
    );
    assert_eq!(
        fake.last("ConfirmRun").body["variables"]["note"],
        "user:default/jane through the portal: ok"
    );
    let asked = app
        .client
        .post(app.url(&format!("{RUN}/confirm")))
        .bearer_auth(STATIC_TOKEN);
    let (status, _) = rest(asked.json(&json!({"notes": "x"})).send().await.unwrap()).await;
    assert_eq!(status, 400);
}

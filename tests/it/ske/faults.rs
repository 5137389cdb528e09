//! The cluster misbehaving: each fault has its status, its sentence and its end within the time limit.

use std::time::Instant;

use serde_json::{Value, json};

use super::portal::{Said, get, manifest, named, post, resource};
use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    kubernetes_fake::{FakeKubernetes, KINDS, OBJECT, OBJECTS, PROMISE_KINDS, PROMISES, Reply, status},
};

/// Planted as our own credential; no answer may repeat it.
pub(super) const TOKEN: &str = "canary-service-account-token";

const CONFIGURE: &str = "/api/ske/configure-resource";
const DELETE: &str = "/api/ske/delete-resource";

/// What a write that got no clear answer says.
const UNKNOWN: &str = "whether the change was made is not known";

/// A fault, and the status and words it must become.
pub(super) type Case = (Reply, u16, &'static str);

pub(super) async fn portal(fake: &FakeKubernetes) -> TestApp {
    TestApp::start(&fake.app_config(TOKEN, "{ timeout: 1s }")).await
}

pub(super) async fn read(app: &TestApp) -> Said {
    get(
        app,
        STATIC_TOKEN,
        &resource(&FakeKubernetes::kind(), "default", "mine"),
    )
    .await
}

/// Configures `mine` with a spec that is another one than it has.
pub(super) async fn configure(app: &TestApp) -> Said {
    let body = manifest(
        &FakeKubernetes::kind(),
        "default",
        "mine",
        json!({ "size": "large" }),
    );
    post(app, STATIC_TOKEN, CONFIGURE, &body).await
}

pub(super) async fn delete(app: &TestApp) -> Said {
    let body = named(&FakeKubernetes::kind(), "default", "mine");
    post(app, STATIC_TOKEN, DELETE, &body).await
}

/// Expects the refusal, within bounded time and without the credential.
#[track_caller]
pub(super) fn expect(said: Said, begun: Instant, (status, says): (u16, &str)) {
    let answer = said.refused();
    assert!(
        answer.0 == status && answer.1.contains(says),
        "{answer:?} instead of {status} {says}"
    );
    assert!(!answer.1.contains(TOKEN), "{answer:?}");
    assert!(begun.elapsed() < LIMIT / 2);
}

pub(super) fn raw(status: u16, headers: &str, body: &str) -> Reply {
    Reply::Raw(status, headers.to_owned(), body.to_owned())
}

pub(super) fn html(status: u16) -> Reply {
    raw(
        status,
        "content-type: text/html\r\n",
        "<html>A proxy speaking</html>",
    )
}

/// Any HTTP answer that is none of an API server's.
pub(super) fn foreign() -> Vec<Reply> {
    vec![
        html(200),
        html(403),
        html(404),
        html(503),
        raw(204, "", ""),
        raw(302, "location: https://login.example.com/\r\n", ""),
        raw(200, "", "{\"kind\":\"Database\",\"metadata\":{\"name\":\"mi"),
        raw(200, "", &"[".repeat(100_000)),
        Reply::Json(200, json!({})),
        Reply::Json(200, json!([])),
        Reply::Json(200, json!("mine")),
        Reply::Json(200, json!({"kind": "Database", "metadata": {"name": "another"}})),
        Reply::Json(500, json!({"kind": "Status", "message": [1]})),
        Reply::Json(500, json!({"error": "not an API server"})),
    ]
}

pub(super) fn broken() -> Vec<Case> {
    vec![
        (Reply::Close, 502, "broke"),
        (Reply::CloseMidBody, 502, "broke"),
        (Reply::Bytes("SSH-2.0-OpenSSH_9.2\r\n"), 502, "broke"),
        (Reply::Hang, 504, "did not answer within 1 s"),
        (Reply::Trickle, 504, "did not answer within 1 s"),
    ]
}

pub(super) fn refusals() -> Vec<Case> {
    let said = |code, reason, message| Reply::Json(code, status(code, reason, message));
    vec![
        (
            said(500, "InternalError", "etcd is on fire"),
            502,
            "etcd is on fire",
        ),
        (
            said(503, "ServiceUnavailable", "come back later"),
            502,
            "come back later",
        ),
        (
            said(504, "Timeout", "request did not complete"),
            504,
            "request did not complete",
        ),
        (
            said(401, "Unauthorized", "Unauthorized"),
            502,
            "check serviceAccountToken of the cluster",
        ),
        (html(401), 502, "check serviceAccountToken of the cluster"),
    ]
}

#[tokio::test]
async fn each_fault_of_a_read_has_its_status_and_sentence_in_bounded_time() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let foreign = foreign()
        .into_iter()
        .filter(|reply| !matches!(reply, Reply::Raw(404, ..)));
    let foreign = foreign.map(|reply| (reply, 502, "no answer of an API server"));
    for (reply, status, says) in foreign.chain(broken()).chain(refusals()) {
        fake.plant("GET", OBJECT, &[reply.clone(), reply]);
        let begun = Instant::now();
        expect(read(&app).await, begun, (status, says));
        // Whatever was planted and not needed must not meet the next case.
        fake.clear();
    }
    assert_eq!(read(&app).await.ok()["manifest"]["metadata"]["name"], "mine");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn each_fault_of_a_change_says_that_its_fate_is_unknown_and_it_is_sent_once() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let unclear =
        [500, 503, 504].map(|code| Reply::Json(code, status(code, "InternalError", "etcd is on fire")));
    let unclear = unclear
        .into_iter()
        .chain(broken().into_iter().map(|(reply, ..)| reply));
    let unclear = unclear.chain([
        html(200),
        html(502),
        raw(200, "", ""),
        Reply::Json(200, json!({})),
    ]);
    for reply in unclear {
        let status = match &reply {
            Reply::Hang | Reply::Trickle | Reply::Json(504, _) => 504,
            _ => 502,
        };
        let sent = fake.count("PUT", OBJECT);
        fake.plant("PUT", OBJECT, &[reply]);
        let begun = Instant::now();
        expect(configure(&app).await, begun, (status, UNKNOWN));
        assert_eq!(fake.count("PUT", OBJECT), sent + 1, "a change is sent once");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_creation_or_deletion_whose_answer_is_lost_is_not_repeated_and_its_fate_is_unknown() {
    let absent = json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
        "message": "databases \"mine\" not found", "details": { "name": "mine", "kind": "databases" } });
    for reply in [Reply::Close, Reply::CloseMidBody, Reply::Hang] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        let status = if matches!(reply, Reply::Hang) { 504 } else { 502 };
        fake.plant("GET", OBJECT, &[Reply::Json(404, absent.clone())]);
        fake.plant("POST", OBJECTS, std::slice::from_ref(&reply));
        expect(configure(&app).await, Instant::now(), (status, UNKNOWN));
        fake.plant("DELETE", OBJECT, &[reply]);
        expect(delete(&app).await, Instant::now(), (status, UNKNOWN));
        assert_eq!(
            (fake.count("POST", OBJECTS), fake.count("DELETE", OBJECT)),
            (1, 1)
        );
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_read_that_broke_is_made_once_more_and_not_twice() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    for reply in [Reply::Close, Reply::CloseMidBody] {
        let asked = fake.count("GET", OBJECT);
        fake.plant("GET", OBJECT, std::slice::from_ref(&reply));
        read(&app).await.ok();
        assert_eq!(fake.count("GET", OBJECT), asked + 2);
        fake.plant("GET", OBJECT, &[reply.clone(), reply]);
        assert_eq!(read(&app).await.refused().0, 502);
        assert_eq!(fake.count("GET", OBJECT), asked + 4);
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn no_more_than_the_limit_of_an_endless_answer_is_taken() {
    let fake = FakeKubernetes::start().await;
    let app = TestApp::start(&fake.app_config(TOKEN, "{ timeout: 30s }")).await;
    fake.plant("GET", OBJECT, &[Reply::Endless]);
    expect(read(&app).await, Instant::now(), (502, "sent more than"));
    // What lies in the buffers of both sockets went out as well.
    assert!(fake.poured() < 32 << 20, "{}", fake.poured());
    assert_eq!(
        fake.count("GET", OBJECT),
        1,
        "an answer that is too large is not asked for again"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_rate_limit_is_429_in_either_form_it_comes_in_and_whoever_says_when_to_come_back_is_passed_on() {
    let mut limited = status(429, "TooManyRequests", "slow down");
    limited["details"] = json!({ "retryAfterSeconds": 7 });
    let early = "Too many requests, please try again later.";
    let restarting = status(503, "ServiceUnavailable", "restarting").to_string();
    for (reply, code, says) in [
        (Reply::Json(429, limited), 429, "slow down"),
        (
            raw(429, "retry-after: 7\r\ncontent-type: text/plain\r\n", early),
            429,
            "too many requests",
        ),
        (raw(503, "retry-after: 7\r\n", &restarting), 502, "restarting"),
    ] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        fake.plant("GET", OBJECT, &[reply]);
        let path = resource(&FakeKubernetes::kind(), "default", "mine");
        let answer = app.get(&path).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (code, &"7".parse().unwrap())
        );
        let body: Value = answer.json().await.unwrap();
        assert!(body["message"].as_str().unwrap().contains(says), "{body}");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere() {
    let (fake, other) = (FakeKubernetes::start().await, FakeKubernetes::start().await);
    let app = portal(&fake).await;
    for code in [301, 302, 307, 308] {
        let headers = format!("location: {}{OBJECT}\r\n", other.url());
        fake.plant("GET", OBJECT, &[raw(code, &headers, "")]);
        fake.plant("PUT", OBJECT, &[raw(code, &headers, "")]);
        expect(
            read(&app).await,
            Instant::now(),
            (502, "no answer of an API server"),
        );
        expect(
            configure(&app).await,
            Instant::now(),
            (502, "no answer of an API server"),
        );
    }
    assert_eq!(other.requests().len(), 0);
    let shown = fake.requests()[0].header("authorization").map(str::to_owned);
    assert_eq!(shown, Some(format!("Bearer {TOKEN}")));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_credential_that_the_cluster_repeats_is_not_passed_on() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let mut quoting = status(422, "Invalid", &format!("bad header: Bearer {TOKEN}"));
    quoting["details"] = json!({ "causes": [{ "field": TOKEN, "message": TOKEN }] });
    for code in [403, 422, 500] {
        fake.plant("PUT", OBJECT, &[Reply::Json(code, quoting.clone())]);
        let said = configure(&app).await;
        let text = said.body.to_string();
        assert!(text.contains("[redacted]") && !text.contains(TOKEN), "{text}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_sentence_as_long_as_a_book_is_cut() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let book = "é".repeat(1 << 20);
    let mut refusal = status(422, "Invalid", &book);
    refusal["details"] = json!({ "causes": vec![json!({ "field": "spec", "message": "wrong" }); 10_000] });
    fake.plant("PUT", OBJECT, &[Reply::Json(422, refusal)]);
    let said = configure(&app).await;
    assert_eq!(said.status, 422);
    assert!(said.body.to_string().len() < 100_000);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_404_of_somebody_else_is_no_kind_that_is_not_served() {
    for path in [OBJECT, KINDS, PROMISE_KINDS, PROMISES] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        fake.plant("GET", path, &[html(404), html(404)]);
        let (status, message) = read(&app).await.refused();
        assert_eq!(status, 502, "{path}: {message}");
        assert!(
            message.contains("no answer of an API server"),
            "{path}: {message}"
        );
        fake.clear();
        app.stop().await.unwrap();
    }
}

/// A webhook may refuse with any status it likes.
#[tokio::test]
async fn a_409_that_is_no_meeting_of_two_writers_is_passed_on_at_once_with_its_sentence() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let refusal = status(
        409,
        "Frozen",
        "admission webhook denied the request: the quarter is over",
    );
    fake.plant("PUT", OBJECT, &[Reply::Json(409, refusal)]);
    let (status, message) = configure(&app).await.refused();
    assert_eq!(status, 409);
    assert!(message.contains("the quarter is over"), "{message}");
    assert_eq!(fake.count("PUT", OBJECT), 1);
    app.stop().await.unwrap();
}

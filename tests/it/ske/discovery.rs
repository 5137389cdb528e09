//! What the cluster serves and what Promises offer, told wrongly, not at all, or at great length.

use std::time::Instant;

use serde_json::{Value, json};

use super::faults::{TOKEN, expect, html, portal, raw, read};
use crate::support::{
    app::TestApp,
    kubernetes_fake::{FakeKubernetes, KINDS, OBJECT, PROMISES, Reply, VERSIONS, promise, status},
};

#[tokio::test]
async fn a_failing_discovery_is_no_missing_kind() {
    for (reply, status, says) in [
        (html(200), 502, "no answer of an API server"),
        (Reply::Json(200, json!({})), 502, "no answer of an API server"),
        (
            Reply::Json(200, json!({"resources": [{"name": 7}]})),
            502,
            "no answer of an API server",
        ),
        (
            Reply::Json(500, status(500, "InternalError", "boom")),
            502,
            "boom",
        ),
        (Reply::Close, 502, "broke"),
        (Reply::Hang, 504, "did not answer"),
        (
            raw(404, "content-type: text/plain\r\n", "404 page not found"),
            404,
            "does not serve kind 'Database'",
        ),
    ] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        fake.plant("GET", KINDS, &[reply.clone(), reply]);
        let begun = Instant::now();
        expect(read(&app).await, begun, (status, says));
        assert_eq!(fake.count("GET", OBJECT), 0);
        app.stop().await.unwrap();
    }
}

/// As an aggregated API that is down, and as a server that cannot tell of the group.
#[tokio::test]
async fn what_cannot_be_asked_for_is_not_taken_for_gone() {
    let unserved = || raw(404, "content-type: text/plain\r\n", "404 page not found");
    let down = || {
        Reply::Json(
            503,
            status(503, "ServiceUnavailable", "the server is currently unable"),
        )
    };
    for (objects, kinds, versions) in [
        (unserved(), down(), None),
        (unserved(), unserved(), Some(down())),
        (unserved(), Reply::Close, None),
    ] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        read(&app).await.ok();
        fake.plant("GET", OBJECT, &[objects])
            .plant("GET", KINDS, &[kinds.clone(), kinds]);
        if let Some(versions) = versions {
            fake.plant("GET", VERSIONS, &[versions]);
        }
        let (code, message) = read(&app).await.refused();
        assert_eq!(code, 502, "{message}");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_unserved_path_is_known_by_a_status_without_a_name_too() {
    let fake = FakeKubernetes::start().await;
    let app = portal(&fake).await;
    let gone = json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "details": {},
        "message": "the server could not find the requested resource" });
    fake.plant("GET", OBJECT, &[Reply::Json(404, gone.clone())])
        .plant("GET", KINDS, &[Reply::Json(404, gone)]);
    expect(
        read(&app).await,
        Instant::now(),
        (404, "does not serve kind 'Database'"),
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_failing_list_of_promises_opens_nothing() {
    for (reply, status, says) in [
        (html(200), 502, "no answer of an API server"),
        (Reply::Json(200, json!({})), 502, "no answer of an API server"),
        (
            Reply::Json(403, status(403, "Forbidden", "promises is forbidden")),
            403,
            "promises is forbidden",
        ),
        (Reply::Hang, 504, "did not answer"),
    ] {
        let fake = FakeKubernetes::start().await;
        let app = portal(&fake).await;
        fake.plant("GET", PROMISES, &[reply.clone(), reply]);
        expect(read(&app).await, Instant::now(), (status, says));
        assert_eq!(fake.count("GET", OBJECT), 0);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_group_of_very_many_kinds_is_read() {
    let fake = FakeKubernetes::start().await;
    let app = TestApp::start(&fake.app_config(TOKEN, "{ timeout: 20s }")).await;
    let kind = |name: String| json!({ "name": name, "singularName": "", "namespaced": true, "kind": name, "verbs": ["get"] });
    let mut resources: Vec<Value> = (0..30_000).map(|number| kind(format!("kinds{number}"))).collect();
    let mut ours = kind("databases".to_owned());
    ours["kind"] = "Database".into();
    resources.push(ours);
    fake.plant(
        "GET",
        KINDS,
        &[Reply::Json(
            200,
            json!({ "groupVersion": "v1", "resources": resources }),
        )],
    );
    read(&app).await.ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn promises_that_are_too_large_for_one_answer_are_read_in_pages() {
    let fake = FakeKubernetes::start().await;
    let kind = FakeKubernetes::kind();
    let large = |number: usize| {
        let mut large = promise(&format!("large-{number}"), &kind);
        large["spec"] = json!({ "dependencies": "x".repeat(1_400_000) });
        large
    };
    let promises = (0..12).map(large).chain([promise("last", &kind)]);
    fake.set_promises(promises.collect());
    let app = TestApp::start(&fake.app_config(TOKEN, "{ timeout: 20s }")).await;
    read(&app).await.ok();
    assert_eq!(fake.count("GET", PROMISES), 1 + 3);
    app.stop().await.unwrap();
}

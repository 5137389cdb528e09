//! Waits for a resource whose failure may be of the past.

use serde_json::{Value, json};

use super::{
    faults,
    portal::{Backstage, named},
};
use crate::{
    actions::portal::{Reply as Answer, send},
    support::{
        app::{STATIC_TOKEN, TestApp},
        backstage::Signer,
        github::now,
        kubernetes_fake::{FakeKubernetes, OBJECT, Reply},
    },
};

const WAIT: &str = "/api/ske/.backstage/actions/v1/actions/ske%3Await-for-resource/invoke";

/// `mine` in its second generation, whose status was written in this second of the minute; the specification in second 30.
fn object(condition: &Value, second: u8, observed: u8) -> Reply {
    let mut object = FakeKubernetes::object();
    let entry = |part: &str, second: u8| json!({ "manager": "m", "time": format!("2026-08-21T10:00:{second:02}Z"), "fieldsV1": { part: {} } });
    object["metadata"]["generation"] = json!(2);
    object["metadata"]["managedFields"] = json!([entry("f:spec", 30), entry("f:status", second)]);
    object["status"] = json!({ "observedGeneration": observed, "conditions": [condition] });
    Reply::Json(200, object)
}

fn failed() -> Value {
    json!({ "type": "ConfigureWorkflowCompleted", "status": "False", "reason": "ConfigureWorkflowFailed" })
}

fn reconciled() -> Value {
    json!({ "type": "Reconciled", "status": "True", "reason": "Reconciled" })
}

async fn wait(app: &TestApp, more: Value) -> Answer {
    let mut input = named(&FakeKubernetes::kind(), "default", "mine");
    for (field, value) in more.as_object().unwrap() {
        input[field] = value.clone();
    }
    send(app, ("POST", WAIT), Some(STATIC_TOKEN), &input.to_string()).await
}

#[tokio::test]
async fn a_failure_from_before_the_change_does_not_end_a_wait_however_slowly_the_change_is_taken_up() {
    let fake = FakeKubernetes::start().await;
    let old = object(&failed(), 20, 1);
    let new = object(&reconciled(), 40, 2);
    fake.plant("GET", OBJECT, &[old.clone(), old.clone(), new.clone(), new]);
    let app = faults::portal(&fake).await;
    let output = wait(&app, json!({})).await.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!("reconciled"), &json!(false)),
        "{output}"
    );
    fake.plant("GET", OBJECT, &[old.clone(), old]);
    let output = wait(&app, json!({ "timeoutSeconds": 1 })).await.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!("failed"), &json!(true)),
        "{output}"
    );
    assert!(
        output["note"].as_str().unwrap().contains("older specification"),
        "{output}"
    );
}

#[tokio::test]
async fn a_wait_ends_before_the_callers_sign_in_does() {
    let fake = FakeKubernetes::start().await;
    let working = json!({ "type": "Reconciled", "status": "Unknown", "reason": "WorkflowPending" });
    fake.plant("GET", OBJECT, &[object(&working, 40, 2), object(&working, 40, 2)]);
    let backstage = Backstage::start().await;
    let config = fake.app_config(faults::TOKEN, "{ timeout: 1s }");
    let config = config.replace("http://localhost:7007", &backstage.fake.origin);
    let app = TestApp::start(&config).await;
    let token = Signer::fixture("user1").user("user:default/jane", now() + 7);
    let input = named(&FakeKubernetes::kind(), "default", "mine").to_string();
    let begun = std::time::Instant::now();
    let waited = send(&app, ("POST", WAIT), Some(&token), &input).await.output();
    assert_eq!(waited["timedOut"], true, "{waited}");
    assert!(begun.elapsed().as_secs() < 6, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_failure_of_the_newest_specification_ends_a_wait_at_the_second_look() {
    let fake = FakeKubernetes::start().await;
    let new = object(&failed(), 40, 2);
    fake.plant("GET", OBJECT, &[new.clone(), new]);
    let app = faults::portal(&fake).await;
    let output = wait(&app, json!({ "failOnFailure": false })).await.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!("failed"), &json!(false)),
        "{output}"
    );
    assert_eq!(output["note"], Value::Null);
}

/// `mine` suspended, with or without a time at which it goes on.
fn suspended(retry: Option<&str>) -> Reply {
    let mut object = FakeKubernetes::object();
    object["metadata"]["generation"] = json!(1);
    let condition = json!({ "type": "Reconciled", "status": "Unknown", "reason": "WorkflowSuspended" });
    let pipeline = json!({ "name": "make", "phase": "Suspended", "message": "ticket 7", "nextRetryAt": retry, "attempts": 3 });
    object["status"] =
        json!({ "conditions": [condition], "kratix": { "workflows": { "pipelines": [pipeline] } } });
    Reply::Json(200, object)
}

#[tokio::test]
async fn what_goes_on_by_itself_does_not_end_a_wait_and_tells_when() {
    let fake = FakeKubernetes::start().await;
    let app = faults::portal(&fake).await;
    let goes_on = suspended(Some("2026-08-21T11:00:00Z"));
    fake.plant("GET", OBJECT, &[goes_on.clone(), goes_on.clone()]);
    let output = wait(&app, json!({ "timeoutSeconds": 2 })).await.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!("suspended"), &json!(true)),
        "{output}"
    );
    assert_eq!(
        (&output["nextRetryAt"], &output["attempts"]),
        (&json!("2026-08-21T11:00:00Z"), &json!(3))
    );
    fake.plant("GET", OBJECT, &[suspended(None), suspended(None)]);
    let (status, _, message) = wait(&app, json!({})).await.refused();
    assert!(status == 409 && message.contains("ticket 7"), "{message}");
    assert!(message.ends_with("remove its label kratix.io/workflow-suspended to let it go on"));
}

#[tokio::test]
async fn a_request_without_conditions_is_reconciled_when_seen_twice() {
    let fake = FakeKubernetes::start().await;
    let app = faults::portal(&fake).await;
    let observed = |version: &str| {
        let mut object = FakeKubernetes::object();
        object["metadata"]["generation"] = json!(1);
        object["metadata"]["resourceVersion"] = json!(version);
        object["status"] = json!({ "observedGeneration": 1 });
        Reply::Json(200, object)
    };
    fake.plant("GET", OBJECT, &[observed("1"), observed("2"), observed("2")]);
    let output = wait(&app, json!({})).await.output();
    assert_eq!(
        (&output["state"], &output["timedOut"]),
        (&json!("reconciled"), &json!(false))
    );
    assert!(
        output["note"].as_str().unwrap().contains("no workflow"),
        "{output}"
    );
    assert_eq!(fake.count("GET", OBJECT), 3);
}

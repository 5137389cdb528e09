//! When the platform has followed: by a read that somebody makes, and by itself.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::desk::{REQUESTS, request};
use crate::{
    ske::{
        gitops::place::{Depot, MINE, TEAM, document, push},
        place::Place,
        portal::{Backstage, get, post},
    },
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes_fake::{FakeKubernetes, OBJECT, Reply, status},
        log::Remembered,
    },
};

/// A platform with a data folder of its own.
async fn place(refresh: &str) -> (Place, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let place = Place::configured("{}", |config| {
        let refresh = format!("ske:\n  pendingRequests: {{ {refresh} }}\n");
        let config = config.replacen("ske:\n", &refresh, 1);
        format!("{config}  dataDir: '{}'\n", data.path().display())
    })
    .await;
    (place, data)
}

async fn recorded(app: &TestApp) -> usize {
    let listed = get(app, STATIC_TOKEN, REQUESTS).await.ok();
    listed["items"].as_array().unwrap().len()
}

async fn until(app: &TestApp, wanted: usize) {
    let end = Instant::now() + Duration::from_secs(30);
    while recorded(app).await != wanted {
        assert!(
            Instant::now() < end,
            "{} are recorded, not {wanted}",
            recorded(app).await
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// Records a request about `name` of the place's kind.
async fn record(place: &Place, action: &str, name: &str) {
    let mut object = place.kind.request(name, json!({ "size": "small" }));
    object["metadata"]["namespace"] = place.namespace.as_str().into();
    let input = json!({
        "promiseName": place.kind.promise, "name": name, "namespace": place.namespace, "action": action,
        "manifest": object,
    });
    post(&place.app, STATIC_TOKEN, REQUESTS, &input).await.ok();
    // What is looked at in the same second may be as it was before.
    sleep(Duration::from_millis(1_100)).await;
}

#[tokio::test]
async fn a_read_that_sees_the_resource_withdraws_its_request_at_once() {
    let (place, _data) = place("refreshSeconds: 3600").await;
    record(&place, "Request", "mine").await;
    record(&place, "Delete", "mine").await;
    assert_eq!(place.read("mine").await.status, 404);
    until(&place.app, 1).await;
    place.create("mine").await;
    place.read("mine").await.ok();
    until(&place.app, 0).await;
}

#[tokio::test]
async fn what_has_come_about_is_no_reason_to_refuse_another_caller() {
    let (place, _data) = place("refreshSeconds: 3600").await;
    record(&place, "Request", "mine").await;
    place.create("mine").await;
    let mut object = place.kind.request("mine", json!({ "size": "large" }));
    object["metadata"]["namespace"] = place.namespace.as_str().into();
    let input = json!({
        "promiseName": place.kind.promise, "name": "mine", "namespace": place.namespace, "action": "Update",
        "manifest": object,
    });
    let jane = place.backstage.on_behalf_of("jane", "scaffolder");
    post(&place.app, &jane, REQUESTS, &input).await.ok();
    let listed = get(&place.app, STATIC_TOKEN, REQUESTS).await.ok();
    assert_eq!(listed["items"][0]["requestedBy"], "user:default/jane", "{listed}");
}

#[tokio::test]
async fn a_deletion_goes_with_its_object() {
    let (place, _data) = place("refreshSeconds: 3600").await;
    place.create("mine").await;
    record(&place, "Delete", "mine").await;
    place.read("mine").await.ok();
    assert_eq!(recorded(&place.app).await, 1);
    place.delete("mine").await.ok();
    assert_eq!(place.read("mine").await.status, 404);
    until(&place.app, 0).await;
}

#[tokio::test]
async fn what_has_come_about_goes_by_itself_with_our_own_account() {
    let (place, _data) = place("refreshSeconds: 5").await;
    record(&place, "Request", "mine").await;
    record(&place, "Request", "other").await;
    place.create("mine").await;
    until(&place.app, 1).await;
}

#[tokio::test]
async fn in_gitops_a_commit_is_all_there_is_to_wait_for() {
    let depot = Depot::configured("{}", |config| {
        config.replacen("ske:\n", "ske:\n  pendingRequests: { refreshSeconds: 5 }\n", 1)
    })
    .await;
    let mut input = request("Request", "mine");
    input["manifest"] = document("mine", "small").into();
    input["namespace"] = TEAM.into();
    post(&depot.app, STATIC_TOKEN, REQUESTS, &input).await.ok();
    input["action"] = "Delete".into();
    post(&depot.app, STATIC_TOKEN, REQUESTS, &input).await.ok();
    until(&depot.app, 1).await;
    let clone = depot.remote.working_copy();
    clone.write(MINE, &document("mine", "small"));
    push(&clone);
    input["action"] = "Request".into();
    post(&depot.app, STATIC_TOKEN, REQUESTS, &input).await.ok();
    until(&depot.app, 0).await;
}

/// What only a person's sign-in would show.
#[tokio::test]
async fn without_an_account_of_ours_nothing_goes_by_itself() {
    let (log, _listening) = Remembered::listen();
    let (fake, data) = (FakeKubernetes::start().await, tempfile::tempdir().unwrap());
    // Whoever asked would learn that the object is gone.
    let absent = status(404, "NotFound", "databases.fake.example.org \"mine\" not found");
    fake.plant("GET", OBJECT, &[Reply::Json(404, absent)]);
    let backstage = Backstage::start().await;
    let entry = "authProvider: oidc\n          oidcTokenProvider: keycloak";
    let config = backstage.app_config_at(&fake.url(), entry, "{}");
    let config = config.replacen("ske:\n", "ske:\n  pendingRequests: { refreshSeconds: 5 }\n", 1);
    let app = TestApp::start(&format!("{config}  dataDir: '{}'\n", data.path().display())).await;
    let input = json!({
        "promiseName": "database", "name": "mine", "namespace": "default", "action": "Delete",
        "manifest": FakeKubernetes::object(),
    });
    post(&app, STATIC_TOKEN, REQUESTS, &input).await.ok();
    let end = Instant::now() + Duration::from_secs(30);
    while !log.text().contains("skipped: needs a user") {
        assert!(Instant::now() < end, "no round came");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(recorded(&app).await, 1);
    let asked: Vec<_> = fake.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, Vec::<String>::new());
}

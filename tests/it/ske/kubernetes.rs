//! The life of one request with each of the three identities.

use serde_json::{Value, json};

use super::portal::{Backstage, get, manifest, named, post, resource, state};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, Kratix, RequestKind, Rule, Subject},
};

const CONFIGURE: &str = "/api/ske/configure-resource";
const DELETE: &str = "/api/ske/delete-resource";

/// Lets somebody do with the kind's objects all that the plugin can.
pub(super) async fn manage(cluster: &Cluster, subject: &Subject, kind: &RequestKind, namespace: &str) {
    let verbs = ["get", "create", "update", "delete"];
    let rule = Rule::on(&kind.group, &[&kind.plural])
        .verbs(&verbs)
        .within(namespace);
    cluster.allow(subject, &rule).await;
}

/// Creates, updates, reads, follows and deletes one object; `token` is whose.
pub(super) async fn whole_life(app: &TestApp, token: &str, kratix: &Kratix, place: (&RequestKind, &str)) {
    let (kind, namespace) = place;
    let write = |spec: Value| manifest(kind, namespace, "mine", spec);
    let created = post(
        app,
        token,
        CONFIGURE,
        &write(json!({"size": "small", "replicas": 2})),
    )
    .await
    .ok();
    let read = get(app, token, &resource(kind, namespace, "mine")).await.ok();
    assert_eq!(created["resourceId"], read["manifest"]["metadata"]["uid"]);
    assert_eq!(read["manifest"]["spec"]["replicas"], 2);
    assert_eq!(read["manifest"]["metadata"]["managedFields"], Value::Null);

    let updated = post(app, token, CONFIGURE, &write(json!({"size": "large"})))
        .await
        .ok();
    assert_eq!(updated["resourceId"], created["resourceId"]);
    let read = get(app, token, &resource(kind, namespace, "mine")).await.ok();
    assert_eq!(read["manifest"]["spec"]["size"], "large");
    assert_eq!(
        read["manifest"]["spec"]["replicas"],
        Value::Null,
        "a cleared field is cleared"
    );

    kratix.adopt("mine").await;
    kratix.start_workflow("mine").await;
    let seen = get(app, token, &state(kind, namespace, "mine")).await.ok();
    assert_eq!(seen["state"], "running", "{seen}");
    kratix.reconcile("mine").await;
    let seen = get(app, token, &state(kind, namespace, "mine")).await.ok();
    assert_eq!(seen["state"], "reconciled", "{seen}");

    let deleted = post(app, token, DELETE, &named(kind, namespace, "mine"))
        .await
        .ok();
    assert!(deleted["metadata"]["deletionTimestamp"].is_string(), "{deleted}");
    let seen = get(app, token, &state(kind, namespace, "mine")).await.ok();
    assert_eq!(seen["state"], "deleting");
    kratix.let_go("mine").await;
    let (status, message) = get(app, token, &resource(kind, namespace, "mine"))
        .await
        .refused();
    assert_eq!(status, 404);
    assert!(message.contains("does not exist"), "{message}");
}

#[tokio::test]
async fn with_our_own_account_an_object_lives_from_creation_to_deletion() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("own").await;
    let kind = cluster.promise("Database").await;
    let account = cluster.service_account(&namespace, "portal").await;
    manage(&cluster, &account.subject(), &kind, &namespace).await;
    let promises = Rule::on("platform.kratix.io", &["promises"]).verbs(&["get", "list"]);
    cluster.allow(&account.subject(), &promises).await;
    let token = cluster.token(&account).await;
    let entry = format!("authProvider: serviceAccount\n          serviceAccountToken: {token}");
    let backstage = Backstage::start().await;
    let app = TestApp::start(&backstage.app_config(&cluster, &entry, "{}")).await;
    let kratix = Kratix::of(&cluster, &kind, &namespace);
    whole_life(&app, STATIC_TOKEN, &kratix, (&kind, &namespace)).await;
    app.stop().await.unwrap();
}

//! The stand-in for Kratix brings requests where Kratix would.

use serde_json::{Value, json};

use crate::support::kubernetes::{Answer, Cluster, Kratix, RequestKind, Step};

struct Request {
    cluster: Cluster,
    kratix: Kratix,
    collection: String,
    path: String,
    kind: RequestKind,
}

/// A kind, a namespace, and the place of a request named `mine` that is not there yet.
async fn place() -> Request {
    let cluster = Cluster::shared().await;
    let kind = cluster.promise("Database").await;
    let namespace = cluster.namespace("kratix").await;
    Request {
        kratix: Kratix::of(&cluster, &kind, &namespace),
        collection: kind.path(&namespace),
        path: kind.object_path(&namespace, "mine"),
        cluster,
        kind,
    }
}

impl Request {
    async fn create(&self) -> Value {
        let request = self.kind.request("mine", json!({ "size": "small" }));
        self.cluster.api().create(&self.collection, &request).await.ok()
    }

    async fn read(&self) -> Value {
        self.cluster.api().get(&self.path).await.ok()
    }

    async fn reaches(&self, condition: &str, reason: &str) -> Value {
        let wanted = |answer: &Answer| reason_of(&answer.body, condition) == Some(reason);
        self.cluster.api().wait_for(&self.path, wanted).await.body
    }

    async fn resize(&self) {
        let change = json!({ "spec": { "size": "large" } });
        self.cluster.api().patch(&self.path, &change).await.ok();
    }
}

fn reason_of<'a>(object: &'a Value, condition: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|found| found["type"] == condition)?;
    found["reason"].as_str()
}

#[tokio::test]
async fn the_first_pass_gets_in_the_way_of_an_early_edit() {
    let request = place().await;
    let mut created = request.create().await;
    request.kratix.adopt("mine").await;
    created["spec"]["size"] = json!("medium");
    let answer = request.cluster.api().replace(&request.path, &created).await;
    assert_eq!(answer.status, 409);
    let adopted = request.read().await;
    assert_eq!(
        adopted["metadata"]["labels"]["kratix.io/promise-name"],
        request.kind.promise
    );
    assert_eq!(adopted["metadata"]["finalizers"].as_array().unwrap().len(), 4);
    assert_eq!(
        adopted["metadata"]["annotations"]["kratix.io/trace-generation"],
        "1"
    );
    assert_eq!(adopted["metadata"]["generation"], 1);
}

#[tokio::test]
async fn the_generation_is_observed_only_when_a_workflow_ended_well() {
    let request = place().await;
    request.create().await;
    request.kratix.reconcile("mine").await;
    let reconciled = request.read().await;
    assert_eq!(reason_of(&reconciled, "Reconciled"), Some("Reconciled"));
    assert_eq!(reconciled["status"]["observedGeneration"], 1);
    request.resize().await;
    request.kratix.start_workflow("mine").await;
    request.kratix.fail_workflow("mine", "provision").await;
    let failed = request.read().await;
    assert_eq!(reason_of(&failed, "Reconciled"), Some("ConfigureWorkflowFailed"));
    assert_eq!(
        (
            &failed["metadata"]["generation"],
            &failed["status"]["observedGeneration"]
        ),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn every_other_state_is_written_with_its_reason() {
    let request = place().await;
    request.create().await;
    let kratix = &request.kratix;
    kratix.promise_available("mine", false).await;
    assert_eq!(
        reason_of(&request.read().await, "PromiseAvailable"),
        Some("PromiseUnavailable")
    );
    kratix.promise_available("mine", true).await;
    assert_eq!(
        reason_of(&request.read().await, "PromiseAvailable"),
        Some("PromiseAvailable")
    );
    kratix.reconcile("mine").await;
    kratix.fail_works("mine", "WorksMisplaced").await;
    assert_eq!(
        reason_of(&request.read().await, "WorksSucceeded"),
        Some("WorksMisplaced")
    );
    kratix.pause("mine").await;
    assert_eq!(
        reason_of(&request.read().await, "Reconciled"),
        Some("PausedReconciliation")
    );
    kratix.suspend("mine").await;
    assert_eq!(
        reason_of(&request.read().await, "Reconciled"),
        Some("WorkflowSuspended")
    );
}

#[tokio::test]
async fn a_deleted_request_stays_until_its_finalizers_are_gone() {
    let request = place().await;
    request.create().await;
    request.kratix.reconcile("mine").await;
    let answer = request.cluster.api().delete(&request.path).await.ok();
    assert!(answer["metadata"]["deletionTimestamp"].is_string(), "{answer}");
    request.kratix.fail_deletion("mine").await;
    let deleting = request.read().await;
    assert_eq!(
        reason_of(&deleting, "DeleteWorkflowCompleted"),
        Some("DeleteWorkflowFailed")
    );
    request.kratix.let_go("mine").await;
    assert_eq!(request.cluster.api().get(&request.path).await.status, 404);
}

#[tokio::test]
async fn left_to_itself_it_follows_a_request_from_creation_to_its_end() {
    let request = place().await;
    let running = request.kratix.run();
    request.create().await;
    request.reaches("Reconciled", "Reconciled").await;
    request.resize().await;
    let observed = |answer: &Answer| answer.body["status"]["observedGeneration"] == 2;
    request.cluster.api().wait_for(&request.path, observed).await;
    request.reaches("Reconciled", "Reconciled").await;
    running.keep_deleted(true);
    request.cluster.api().delete(&request.path).await.ok();
    assert!(request.read().await["metadata"]["deletionTimestamp"].is_string());
    running.keep_deleted(false);
    let gone = |answer: &Answer| answer.status == 404;
    request.cluster.api().wait_for(&request.path, gone).await;
}

#[tokio::test]
async fn left_to_itself_it_can_be_held_and_made_to_fail() {
    let request = place().await;
    let running = request.kratix.run();
    running.hold_at(Step::Running);
    request.create().await;
    request
        .reaches("ConfigureWorkflowCompleted", "PipelinesInProgress")
        .await;
    running.fail_workflows(Some("provision"));
    running.hold_at(Step::WorkflowDone);
    request
        .reaches("ConfigureWorkflowCompleted", "ConfigureWorkflowFailed")
        .await;
    running.fail_workflows(None);
    request.resize().await;
    request.reaches("Reconciled", "WorksPending").await;
    running.hold_at(Step::Untouched);
    let held = request.read().await;
    running.hold_at(Step::Reconciled);
    let after = request.reaches("Reconciled", "Reconciled").await;
    assert_ne!(
        held["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn left_to_itself_it_lets_a_paused_request_be() {
    let request = place().await;
    let _running = request.kratix.run();
    request.create().await;
    request.reaches("Reconciled", "Reconciled").await;
    let label = |value: Value| json!({ "metadata": { "labels": { "kratix.io/paused": value } } });
    request
        .cluster
        .api()
        .patch(&request.path, &label(json!("true")))
        .await
        .ok();
    request.reaches("Reconciled", "PausedReconciliation").await;
    request.resize().await;
    let paused = request.read().await;
    assert_eq!(reason_of(&paused, "Reconciled"), Some("PausedReconciliation"));
    assert_eq!(paused["status"]["observedGeneration"], 1);
    request
        .cluster
        .api()
        .patch(&request.path, &label(Value::Null))
        .await
        .ok();
    let observed = |answer: &Answer| answer.body["status"]["observedGeneration"] == 2;
    request.cluster.api().wait_for(&request.path, observed).await;
}

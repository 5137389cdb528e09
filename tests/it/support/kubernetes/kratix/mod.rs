//! A stand-in for Kratix: writes on requests of one kind in one namespace what its controller would write.
//!
//! Labels, finalizers, conditions, reasons and their order are those of Kratix's API documentation and of its resource
//! request controller.

pub(crate) mod free;
mod status;

use serde_json::{Value, json};

pub(crate) use self::free::Step;
use self::status::{Condition, set};
use super::{api::Api, cluster::Cluster, kinds::RequestKind};

/// What keeps a request there until its delete pipelines, files, jobs and binding are gone; in that order.
pub(crate) const FINALIZERS: [&str; 4] = [
    "kratix.io/delete-workflows",
    "kratix.io/work-cleanup",
    "kratix.io/workflows-cleanup",
    "kratix.io/resource-binding-cleanup",
];

/// The label by which a request is found to belong to a Promise.
pub(crate) const PROMISE_LABEL: &str = "kratix.io/promise-name";

/// Acts on a request when told to; every step is a few writes, each of which moves `resourceVersion`.
#[derive(Clone)]
pub(crate) struct Kratix {
    api: Api,
    kind: RequestKind,
    namespace: String,
    /// Whether a request may be gone by the time it is its turn.
    is_free: bool,
}

impl Kratix {
    /// For the requests of this kind in this namespace.
    pub(crate) fn of(cluster: &Cluster, kind: &RequestKind, namespace: &str) -> Self {
        Self {
            api: cluster.api().clone(),
            kind: kind.clone(),
            namespace: namespace.to_owned(),
            is_free: false,
        }
    }

    /// The first pass over a new request: six writes that get in the way of whoever edits it right then.
    pub(crate) async fn adopt(&self, name: &str) {
        let label = |object: &mut Value| {
            object["metadata"]["labels"][PROMISE_LABEL] = json!(self.kind.promise);
        };
        self.change(name, label).await;
        for finalizer in FINALIZERS {
            self.change(name, |object| add_finalizer(object, finalizer)).await;
        }
        self.change(name, annotate_trace).await;
    }

    /// The configure workflow runs.
    pub(crate) async fn start_workflow(&self, name: &str) {
        let conditions = [
            Condition(
                "ConfigureWorkflowCompleted",
                "False",
                "PipelinesInProgress",
                "Pipelines are in progress",
            ),
            Condition("WorksSucceeded", "Unknown", "WorksPending", "Works are pending"),
            Condition("Reconciled", "Unknown", "WorkflowPending", "Pending"),
        ];
        let pending = |object: &mut Value| object["status"]["message"] = json!("Pending");
        self.conditions(name, &conditions, pending).await;
    }

    /// The configure workflow ended well; from now on `observedGeneration` is that of the object.
    pub(crate) async fn finish_workflow(&self, name: &str) {
        let conditions = [
            Condition(
                "ConfigureWorkflowCompleted",
                "True",
                "PipelinesExecutedSuccessfully",
                "Pipelines completed",
            ),
            Condition("WorksSucceeded", "Unknown", "WorksPending", "Works are pending"),
            Condition("Reconciled", "Unknown", "WorksPending", "Pending"),
        ];
        let observed = |object: &mut Value| {
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        };
        self.conditions(name, &conditions, observed).await;
    }

    /// The files arrived at their destinations; the request is reconciled.
    pub(crate) async fn finish_works(&self, name: &str) {
        let conditions = [
            Condition(
                "WorksSucceeded",
                "True",
                "WorksSucceeded",
                "All works are in place",
            ),
            Condition("Reconciled", "True", "Reconciled", "Reconciled"),
        ];
        let arrived = |object: &mut Value| object["status"]["message"] = json!("Resource requested");
        self.conditions(name, &conditions, arrived).await;
    }

    /// From a new request, or a changed one, to a reconciled one.
    pub(crate) async fn reconcile(&self, name: &str) {
        self.adopt(name).await;
        self.start_workflow(name).await;
        self.finish_workflow(name).await;
        self.finish_works(name).await;
    }

    /// A pipeline of the configure workflow failed: `observedGeneration` stays behind.
    pub(crate) async fn fail_workflow(&self, name: &str, pipeline: &str) {
        let message = format!("A Configure Pipeline has failed: {pipeline}");
        let conditions = [
            Condition(
                "ConfigureWorkflowCompleted",
                "False",
                "ConfigureWorkflowFailed",
                &message,
            ),
            Condition("Reconciled", "False", "ConfigureWorkflowFailed", &message),
        ];
        self.conditions(name, &conditions, |_| {}).await;
    }

    /// No destination takes the files (`WorksMisplaced`), or one cannot (`WorksFailing`).
    pub(crate) async fn fail_works(&self, name: &str, reason: &str) {
        let conditions = [
            Condition("WorksSucceeded", "False", reason, "Some works did not arrive"),
            Condition("Reconciled", "False", "WorksFailing", "Some works did not arrive"),
        ];
        self.conditions(name, &conditions, |_| {}).await;
    }

    /// Somebody put the label `kratix.io/paused` on it: nothing happens until it is gone.
    pub(crate) async fn pause(&self, name: &str) {
        let paused = Condition("Reconciled", "Unknown", "PausedReconciliation", "Paused");
        self.conditions(name, &[paused], |_| {}).await;
    }

    /// A pipeline asked to wait.
    pub(crate) async fn suspend(&self, name: &str) {
        let suspended = Condition("Reconciled", "Unknown", "WorkflowSuspended", "Suspended");
        self.conditions(name, &[suspended], |_| {}).await;
    }

    /// The Promise is not available: the request waits, or no longer does.
    pub(crate) async fn promise_available(&self, name: &str, available: bool) {
        let condition = match available {
            true => Condition(
                "PromiseAvailable",
                "True",
                "PromiseAvailable",
                "The Promise is available",
            ),
            false => Condition("PromiseAvailable", "False", "PromiseUnavailable", "Pending"),
        };
        self.conditions(name, &[condition], |_| {}).await;
    }

    /// The delete workflow failed; the request stays in deletion.
    pub(crate) async fn fail_deletion(&self, name: &str) {
        let failed = Condition(
            "DeleteWorkflowCompleted",
            "False",
            "DeleteWorkflowFailed",
            "A Delete Pipeline has failed",
        );
        self.conditions(name, &[failed], |_| {}).await;
    }

    /// Takes the finalizers off one by one; returns once the request is gone.
    pub(crate) async fn let_go(&self, name: &str) {
        let path = self.path(name);
        for finalizer in FINALIZERS {
            let remove = |object: &mut Value| remove_finalizer(object, finalizer);
            if self.api.change(&path, remove).await.status == 404 {
                return;
            }
        }
        self.api.wait_for(&path, |answer| answer.status == 404).await;
    }

    fn path(&self, name: &str) -> String {
        self.kind.object_path(&self.namespace, name)
    }

    async fn change(&self, name: &str, change: impl Fn(&mut Value)) {
        self.change_at(&self.path(name), change).await;
    }

    async fn conditions(&self, name: &str, conditions: &[Condition<'_>], more: impl Fn(&mut Value)) {
        let change = |object: &mut Value| {
            set(object, conditions);
            more(object);
        };
        self.change_at(&format!("{}/status", self.path(name)), change)
            .await;
    }

    async fn change_at(&self, path: &str, change: impl Fn(&mut Value)) {
        let answer = self.api.change(path, change).await;
        if !(self.is_free && answer.status == 404) {
            answer.ok();
        }
    }
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    // The server takes no new one on what is being deleted.
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let finalizers = &mut object["metadata"]["finalizers"];
    match finalizers.as_array_mut() {
        Some(there) if there.iter().any(|found| found == finalizer) => {}
        Some(there) => there.push(json!(finalizer)),
        None => *finalizers = json!([finalizer]),
    }
}

fn remove_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|found| found != finalizer);
    }
}

fn annotate_trace(object: &mut Value) {
    let generation = object["metadata"]["generation"].to_string();
    let annotations = &mut object["metadata"]["annotations"];
    annotations["kratix.io/trace-parent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    annotations["kratix.io/trace-generation"] = json!(generation);
    annotations["kratix.io/trace-timestamp"] = json!(jiff::Timestamp::now().to_string());
}

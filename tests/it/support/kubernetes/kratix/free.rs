//! The stand-in left to itself: looks at its requests again and again and takes the next step for each.
//!
//! It heeds the label `kratix.io/paused`, under which nothing happens, deletion included.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{FINALIZERS, Kratix};

/// How far a request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Nothing is done at all.
    Untouched,
    /// Label, finalizers and annotations are there.
    Adopted,
    /// The configure workflow runs.
    Running,
    /// It has ended; the files are on their way.
    WorkflowDone,
    /// All is well.
    Reconciled,
}

#[derive(Debug)]
struct Orders {
    until: Step,
    failing_pipeline: Option<String>,
    keeps_deleted: bool,
    /// The generation whose workflow failed; another one gets another workflow.
    failed: HashMap<String, Value>,
}

/// A running stand-in; stops when dropped.
pub(crate) struct FreeRunning {
    orders: Arc<Mutex<Orders>>,
    work: JoinHandle<()>,
}

impl FreeRunning {
    /// No request gets farther than this from now on; one that is there already stays there.
    pub(crate) fn hold_at(&self, step: Step) {
        self.orders.lock().until = step;
    }

    /// Every configure workflow fails in this pipeline from now on; none does with `None`.
    pub(crate) fn fail_workflows(&self, pipeline: Option<&str>) {
        self.orders.lock().failing_pipeline = pipeline.map(str::to_owned);
    }

    /// Whether requests stay in deletion; told otherwise, it takes the finalizers off.
    pub(crate) fn keep_deleted(&self, keep: bool) {
        self.orders.lock().keeps_deleted = keep;
    }
}

impl Drop for FreeRunning {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Kratix {
    /// Begins to act by itself, on this test's runtime.
    pub(crate) fn run(&self) -> FreeRunning {
        let orders = Arc::new(Mutex::new(Orders {
            until: Step::Reconciled,
            failing_pipeline: None,
            keeps_deleted: false,
            failed: HashMap::new(),
        }));
        let given = Arc::clone(&orders);
        let mut kratix = self.clone();
        kratix.is_free = true;
        let work = tokio::spawn(async move {
            loop {
                kratix.pass(&given).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        FreeRunning { orders, work }
    }

    async fn pass(&self, orders: &Mutex<Orders>) {
        let list = self.api.get(&self.kind.path(&self.namespace)).await.ok();
        for object in list["items"].as_array().unwrap() {
            let name = object["metadata"]["name"].as_str().unwrap();
            if object["metadata"]["deletionTimestamp"].is_null() {
                self.next_step(name, object, orders).await;
            } else if !is_paused(object) && !orders.lock().keeps_deleted {
                self.let_go(name).await;
            }
        }
    }

    async fn next_step(&self, name: &str, object: &Value, orders: &Mutex<Orders>) {
        let (next, failing) = {
            let orders = orders.lock();
            let next = next(object, orders.failed.get(name));
            let allowed = next.filter(|step| *step <= orders.until);
            (allowed, orders.failing_pipeline.clone())
        };
        if is_paused(object) {
            return self.stay_paused(name, object).await;
        }
        match (next, failing) {
            (Some(Step::Adopted), _) => self.adopt(name).await,
            (Some(Step::Running), _) => self.start_workflow(name).await,
            (Some(Step::WorkflowDone), Some(pipeline)) => {
                let generation = object["metadata"]["generation"].clone();
                orders.lock().failed.insert(name.to_owned(), generation);
                self.fail_workflow(name, &pipeline).await;
            }
            (Some(Step::WorkflowDone), None) => self.finish_workflow(name).await,
            (Some(Step::Reconciled), _) => self.finish_works(name).await,
            (Some(Step::Untouched) | None, _) => {}
        }
    }

    async fn stay_paused(&self, name: &str, object: &Value) {
        if reason(object, "Reconciled") != Some("PausedReconciliation") {
            self.pause(name).await;
        }
    }
}

fn is_paused(object: &Value) -> bool {
    object["metadata"]["labels"]["kratix.io/paused"] == "true"
}

/// The step that comes next for the object; none when it is reconciled, or failed for good.
fn next(object: &Value, failed: Option<&Value>) -> Option<Step> {
    let metadata = &object["metadata"];
    let finalizers = metadata["finalizers"].as_array().map_or(0, Vec::len);
    if finalizers < FINALIZERS.len() {
        return Some(Step::Adopted);
    }
    let is_current = object["status"]["observedGeneration"] == metadata["generation"];
    let reason = |name: &str| reason(object, name);
    match reason("ConfigureWorkflowCompleted") {
        Some("PipelinesInProgress") => Some(Step::WorkflowDone),
        Some("ConfigureWorkflowFailed") if failed == Some(&metadata["generation"]) => None,
        _ if !is_current => Some(Step::Running),
        _ if reason("Reconciled") != Some("Reconciled") => Some(Step::Reconciled),
        _ => None,
    }
}

fn reason<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|found| found["type"] == name)?;
    condition["reason"].as_str()
}

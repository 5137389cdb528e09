//! What health checks say of a resource (Kratix, HealthRecord), as Kratix copies it into the status.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// States that need a person's attention.
const UNWELL: [&str; 2] = ["unhealthy", "degraded"];

/// The health of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::plugins::ske) struct Health {
    /// The worst of all: `unknown`, `ready`, `unhealthy`, `healthy` or `degraded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Each check that was recorded.
    records: Vec<Record>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Record {
    /// The name of its HealthRecord.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The namespace of its HealthRecord.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// When it ran last, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<i64>,
    /// Whatever else it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Map<String, Value>>,
}

impl Health {
    pub(super) fn read(status: &Value) -> Option<Self> {
        let state = text(&status["state"]);
        let records = status["healthRecords"].as_array().into_iter().flatten();
        let records: Vec<_> = records.map(Record::read).collect();
        (state.is_some() || !records.is_empty()).then_some(Self { state, records })
    }

    pub(super) fn warning(&self) -> Option<String> {
        let unwell = |state: &&str| UNWELL.contains(state);
        let states = self.records.iter().filter_map(|record| record.state.as_deref());
        let state = self.state.as_deref().into_iter().chain(states).find(unwell)?;
        let records = self
            .records
            .iter()
            .filter(|record| record.state.as_deref() == Some(state));
        let names: Vec<_> = records.filter_map(|record| record.name.as_deref()).collect();
        Some(match names.as_slice() {
            [] => format!("Its health is {state}"),
            names => format!("Its health is {state}, as {} says", names.join(", ")),
        })
    }
}

impl Record {
    fn read(record: &Value) -> Self {
        Self {
            name: text(&record["source"]["name"]),
            namespace: text(&record["source"]["namespace"]),
            state: text(&record["state"]),
            last_run: record["lastRun"].as_i64(),
            details: record["details"].as_object().cloned(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

//! Whether what the platform says of a failure is about the newest specification.
//!
//! Kratix moves `observedGeneration` only after a workflow that did not fail, and its conditions carry no generation, so a
//! failure next to a newer specification may be of that one or of the one before it. When each was written is in
//! `metadata.managedFields`.

use jiff::Timestamp;
use serde_json::Value;

use super::reconciliation::Reconciliation;

/// What a state of an object is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Concern {
    /// The newest specification.
    Newest,
    /// The newest, or the one before it.
    Either,
    /// A specification that has been replaced since; the platform has not taken up the newest.
    Older,
}

/// Says what the state of a live object, bookkeeping included, is about.
pub(in crate::plugins::ske) fn concern_of(object: &Value, found: &Reconciliation) -> Concern {
    match (found.generation, found.observed_generation) {
        (Some(generation), Some(observed)) if generation <= observed => return Concern::Newest,
        _ => {}
    }
    match (written(object, "f:spec"), written(object, "f:status")) {
        (Some(specification), Some(status)) if status < specification => Concern::Older,
        _ => Concern::Either,
    }
}

/// When anybody last changed this part of the object, to the second.
fn written(object: &Value, part: &str) -> Option<Timestamp> {
    let entries = object["metadata"]["managedFields"].as_array()?.iter();
    let entries = entries.filter(|entry| !entry["fieldsV1"][part].is_null());
    entries
        .filter_map(|entry| entry["time"].as_str()?.parse().ok())
        .max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::reconciliation::state_of, *};

    fn entry(part: &str, second: u8) -> Value {
        json!({"manager": "m", "operation": "Update", "time": format!("2026-08-21T10:00:{second:02}Z"),
            "fieldsV1": {part: {"f:size": {}}}})
    }

    #[track_caller]
    fn judge(generation: i64, entries: Value, expected: Concern) {
        let condition = json!({"type": "ConfigureWorkflowCompleted", "status": "False",
            "reason": "ConfigureWorkflowFailed"});
        let object = json!({"metadata": {"generation": generation, "managedFields": entries},
            "status": {"observedGeneration": 1, "conditions": [condition]}});
        assert_eq!(concern_of(&object, &state_of(&object)), expected, "{object}");
    }

    #[test]
    fn a_failure_after_the_newest_specification_was_worked_through_is_about_it() {
        judge(
            1,
            json!([entry("f:spec", 9), entry("f:status", 1)]),
            Concern::Newest,
        );
    }

    #[test]
    fn a_status_from_before_the_specification_is_about_an_older_one() {
        judge(
            2,
            json!([entry("f:status", 8), entry("f:spec", 9)]),
            Concern::Older,
        );
        let several = json!([
            entry("f:spec", 1),
            entry("f:status", 5),
            entry("f:spec", 9),
            entry("f:metadata", 2)
        ]);
        judge(2, several, Concern::Older);
    }

    #[test]
    fn what_the_times_do_not_tell_may_be_about_either() {
        judge(
            2,
            json!([entry("f:spec", 8), entry("f:status", 9)]),
            Concern::Either,
        );
        judge(
            2,
            json!([entry("f:spec", 9), entry("f:status", 9)]),
            Concern::Either,
        );
        judge(2, json!([entry("f:spec", 9)]), Concern::Either);
        let strange = json!([{"time": 7, "fieldsV1": {"f:status": {}}}, {"time": "soon", "fieldsV1": {"f:spec": 1}}, 3]);
        judge(2, strange, Concern::Either);
        judge(2, Value::Null, Concern::Either);
    }
}

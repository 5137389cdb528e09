//! Conditions, kept by their type as the Kubernetes API conventions have them.

use serde_json::{Value, json};

/// Type, status, reason, message.
pub(super) struct Condition<'a>(
    pub(super) &'a str,
    pub(super) &'a str,
    pub(super) &'a str,
    pub(super) &'a str,
);

/// Puts the conditions into the object's status; the time of one moves only when its status does.
pub(super) fn set(object: &mut Value, conditions: &[Condition<'_>]) {
    let there = &mut object["status"]["conditions"];
    if there.is_null() {
        *there = json!([]);
    }
    let there = there.as_array_mut().unwrap();
    for Condition(name, status, reason, message) in conditions {
        let before = there.iter().position(|found| found["type"] == *name);
        let since = before
            .filter(|at| there[*at]["status"] == *status)
            .map(|at| there[at]["lastTransitionTime"].clone())
            .unwrap_or_else(|| json!(jiff::Timestamp::now().to_string()));
        let condition = json!({
            "type": name, "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
        });
        match before {
            Some(at) => there[at] = condition,
            None => there.push(condition),
        }
    }
}

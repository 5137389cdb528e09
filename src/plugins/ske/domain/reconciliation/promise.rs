//! The state of a Promise, led by its condition `Available`.

use serde_json::Value;

use super::{Reconciliation, State, live::Live, request};

/// What Kratix writes of a required Promise that is there.
const INSTALLED: &str = "Requirement installed";

pub(super) fn state(live: &Live<'_>) -> Reconciliation {
    let found = request::deleting(live).or_else(|| available(live));
    let found = found
        .or_else(|| request::paused(live))
        .or_else(|| request::suspended(live));
    let found = found.or_else(|| missing(live)).or_else(|| request::failed(live));
    let found = found
        .or_else(|| request::running(live))
        .or_else(|| request::works(live));
    found.unwrap_or_else(|| unavailable(live))
}

/// An available Promise serves requests, whatever its other conditions still say.
fn available(live: &Live<'_>) -> Option<Reconciliation> {
    let mut found = match live.condition("Available") {
        Some(available) if available.status() == "True" => available.decides(State::Reconciled),
        None if live.status["status"] == "Available" => Reconciliation::of(State::Reconciled),
        _ => return None,
    };
    let works = request::works(live).filter(|works| works.state == State::WorksFailing);
    found.warning = works.map(|works| {
        let message = works.message.unwrap_or_default();
        format!("It is available, but what it depends on does not arrive at its destinations: {message}")
    });
    Some(found)
}

fn missing(live: &Live<'_>) -> Option<Reconciliation> {
    let fulfilled = live.condition("RequirementsFulfilled");
    let fulfilled = fulfilled.filter(|fulfilled| fulfilled.status() != "True");
    let pending = || {
        let reconciled = live.condition("Reconciled")?;
        (reconciled.reason() == "RequirementsNotFulfilled"
            && live.condition("RequirementsFulfilled").is_none())
        .then_some(reconciled)
    };
    let found = fulfilled.or_else(pending)?.decides(State::WaitingForPromise);
    let names = required(live);
    Some(if names.is_empty() {
        found
    } else {
        found.noted(format!("It requires {}", names.join(", ")))
    })
}

/// The required Promises that are missing, each with its version and what Kratix says of it.
fn required(live: &Live<'_>) -> Vec<String> {
    let required = live.status["requiredPromises"].as_array().into_iter().flatten();
    let missing = required.filter(|one| one["state"] != INSTALLED);
    missing.filter_map(requirement).collect()
}

fn requirement(one: &Value) -> Option<String> {
    let text = |field: &str| one[field].as_str().unwrap_or_default();
    let named = [text("name"), text("version")].join(" ");
    let named = Some(named.trim()).filter(|_| !text("name").is_empty())?;
    Some(match text("state") {
        "" => named.to_owned(),
        state => format!("{named} ({state})"),
    })
}

fn unavailable(live: &Live<'_>) -> Reconciliation {
    match live.condition("Available") {
        Some(available) => available.decides(State::Applying),
        None => request::taken_up(live),
    }
}

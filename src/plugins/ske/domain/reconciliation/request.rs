//! The state of a resource request, and of any other object as far as its status is written like one's.

use super::{
    Reconciliation, State,
    live::{Condition, Live},
};

const CONFIGURED: &str = "ConfigureWorkflowCompleted";

pub(super) fn state(live: &Live<'_>, is_kratixs: bool) -> Reconciliation {
    let found = deleting(live).or_else(|| failed(live)).or_else(|| waiting(live));
    let found = found.or_else(|| paused(live)).or_else(|| suspended(live));
    let found = found.or_else(|| running(live)).or_else(|| applying(live));
    let found = found.or_else(|| works(live)).or_else(|| reconciled(live));
    found.unwrap_or_else(|| unsettled(live, is_kratixs))
}

pub(super) fn deleting(live: &Live<'_>) -> Option<Reconciliation> {
    let asked = live.deletion()?;
    let workflow = live.condition("DeleteWorkflowCompleted");
    let mut found = match workflow.filter(|workflow| workflow.status() == "False") {
        Some(workflow) => held_up(workflow),
        None => Reconciliation {
            since: Some(asked.to_owned()),
            ..Reconciliation::of(State::Deleting)
        },
    };
    if live.is_paused() {
        let warning = "It is paused, so the object stays until its label kratix.io/paused is removed";
        found.warning = Some(warning.to_owned());
        found.halted = true;
    }
    Some(found)
}

fn held_up(workflow: Condition<'_>) -> Reconciliation {
    let found = workflow.decides(State::Deleting);
    match workflow.reason() {
        "DeleteWorkflowFailed" => Reconciliation {
            warning: Some(
                "The delete workflow failed; the object stays until the workflow succeeds".to_owned(),
            ),
            ..found.halted()
        },
        "DeleteWorkflowSuspended" => found
            .halted()
            .noted("The delete workflow is suspended; the object stays until it resumes".to_owned()),
        _ => found,
    }
}

pub(super) fn failed(live: &Live<'_>) -> Option<Reconciliation> {
    const FAILED: &str = "ConfigureWorkflowFailed";
    let workflow = live
        .condition(CONFIGURED)
        .or_else(|| live.condition("Reconciled"))?;
    workflow
        .is("False", FAILED)
        .then(|| workflow.decides(State::Failed).halted())
}

fn waiting(live: &Live<'_>) -> Option<Reconciliation> {
    let promise = live.condition("PromiseAvailable")?;
    let found = (promise.status() == "False").then(|| promise.decides(State::WaitingForPromise))?;
    Some(match live.promise_name() {
        Some(name) => found.noted(format!(
            "It waits for the Promise '{name}', whose state says what is missing"
        )),
        None => found,
    })
}

/// The condition that says so, of a request or of a Promise.
fn halt<'a>(live: &Live<'a>, reason: &str) -> Option<Condition<'a>> {
    let kinds = ["Reconciled", "Available"];
    let mut conditions = kinds.into_iter().filter_map(|kind| live.condition(kind));
    conditions.find(|condition| condition.status() != "True" && condition.reason() == reason)
}

pub(super) fn paused(live: &Live<'_>) -> Option<Reconciliation> {
    let found = halt(live, "PausedReconciliation")?
        .decides(State::Paused)
        .halted();
    Some(found.noted("It goes on when its label kratix.io/paused is removed".to_owned()))
}

pub(super) fn suspended(live: &Live<'_>) -> Option<Reconciliation> {
    let condition = halt(live, "WorkflowSuspended").filter(|_| !live.was_suspended_before_the_change())?;
    let found = condition.decides(State::Suspended).halted();
    let pipelines = live.pipelines(false).into_iter();
    let mut pipelines = pipelines.filter(|pipeline| pipeline.phase.as_deref() == Some("Suspended"));
    Some(match pipelines.next() {
        Some(pipeline) => {
            let says = pipeline
                .message
                .map(|message| format!(": {message}"))
                .unwrap_or_default();
            found.noted(format!("Pipeline '{}' suspended it{says}", pipeline.name))
        }
        None => found,
    })
}

pub(super) fn running(live: &Live<'_>) -> Option<Reconciliation> {
    match live.condition(CONFIGURED) {
        Some(workflow) if workflow.is("False", "PipelinesInProgress") => {
            Some(workflow.decides(State::Running))
        }
        Some(workflow) if workflow.status() == "False" => None,
        // The pipelines are written before the condition is.
        _ if !live.is_promise() && is_behind(live) => pipeline_running(live),
        _ => None,
    }
}

fn pipeline_running(live: &Live<'_>) -> Option<Reconciliation> {
    let mut pipelines = live.pipelines(false).into_iter();
    let pipeline = pipelines.find(|pipeline| pipeline.phase.as_deref() == Some("Running"))?;
    Some(Reconciliation {
        reason: Some("PipelinesInProgress".to_owned()),
        message: Some(format!("Pipeline '{}' is running", pipeline.name)),
        ..Reconciliation::of(State::Running)
    })
}

/// Whether a newer specification is there than the one that was worked through.
fn is_behind(live: &Live<'_>) -> bool {
    let observed = match live.observed_generation() {
        Some(Some(observed)) => observed,
        // Kinds that count no generations and have no conditions never begin to.
        Some(None) if live.conditions().next().is_some() => 0,
        _ => return false,
    };
    live.generation().is_some_and(|generation| generation > observed)
}

fn applying(live: &Live<'_>) -> Option<Reconciliation> {
    if !is_behind(live) {
        return None;
    }
    let pending = live
        .condition("Reconciled")
        .filter(|reconciled| reconciled.status() != "True");
    Some(pending.map_or_else(
        || older_observed(live),
        |pending| pending.decides(State::Applying),
    ))
}

/// What is said where all conditions are about an older specification.
fn older_observed(live: &Live<'_>) -> Reconciliation {
    let message = match (live.generation(), live.observed_generation().flatten()) {
        (Some(now), Some(observed)) => {
            format!("Generation {now} has not been worked through yet; the last one was {observed}")
        }
        _ => "The specification has not been worked through yet".to_owned(),
    };
    Reconciliation {
        reason: Some("GenerationNotObserved".to_owned()),
        message: Some(message),
        ..Reconciliation::of(State::Applying)
    }
}

pub(super) fn works(live: &Live<'_>) -> Option<Reconciliation> {
    let works = live.condition("WorksSucceeded");
    match works.map(Condition::status) {
        Some("False") => works.map(|works| works.decides(State::WorksFailing).halted()),
        Some("Unknown") => works.map(|works| works.decides(State::WorksPending)),
        _ => None,
    }
}

fn reconciled(live: &Live<'_>) -> Option<Reconciliation> {
    let is_true = |kind: &str| {
        live.condition(kind)
            .filter(|condition| condition.status() == "True")
    };
    if live.condition("Reconciled").is_some() {
        return is_true("Reconciled").map(|reconciled| reconciled.decides(State::Reconciled));
    }
    // Before Kratix had the condition.
    let works = is_true(CONFIGURED).and_then(|_| is_true("WorksSucceeded"));
    works.map(|works| works.decides(State::Reconciled))
}

fn unsettled(live: &Live<'_>, is_kratixs: bool) -> Reconciliation {
    if !is_kratixs {
        let reconciled = live.condition("Reconciled");
        return reconciled.map_or_else(
            || Reconciliation::of(State::Unknown),
            |one| one.decides(State::Unknown),
        );
    }
    if has_no_workflow(live) {
        let note = "Its Promise has no workflow for it, so nothing more is done";
        return Reconciliation::of(State::Reconciled).noted(note.to_owned());
    }
    taken_up(live)
}

fn has_no_workflow(live: &Live<'_>) -> bool {
    let observed = live.observed_generation().flatten();
    let is_observed = observed.is_some() && observed >= live.generation();
    is_observed && live.conditions().next().is_none() && live.pipelines(false).is_empty()
}

/// Between two states, of which Kratix writes one condition after the other.
pub(super) fn taken_up(live: &Live<'_>) -> Reconciliation {
    let reconciled = live.condition("Reconciled").filter(|one| one.status() != "True");
    let found = match reconciled.or_else(|| live.condition(CONFIGURED)) {
        Some(pending) if pending.reason() == "WorksPending" => pending.decides(State::WorksPending),
        Some(pending) if pending.is("False", "WorksFailing") => pending.decides(State::WorksFailing).halted(),
        Some(pending) => pending.decides(State::Applying),
        None => Reconciliation::of(State::Applying),
    };
    let said = live.message().unwrap_or("Kratix has not said anything of it yet");
    Reconciliation {
        reason: found.reason.or_else(|| Some("Pending".to_owned())),
        message: found.message.or_else(|| Some(said.to_owned())),
        ..found
    }
}

//! Whether what a wait sees stays: Kratix writes one condition after the other, and changes its mind while it fails.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::plugins::ske::domain::{Concern, Reconciliation, State, concern_of};

/// How long must be seen what may be of an older specification, or may pass: Kratix takes up a change within seconds,
/// and tries a refused push again as soon.
const STEADY: Duration = Duration::from_secs(10);

/// What one look shows.
pub(super) struct Seen {
    found: Reconciliation,
    concern: Concern,
    /// Changes whenever the state was another one in between: when the condition that decided did last, or without one
    /// the version of the whole object.
    moment: Option<String>,
}

impl Seen {
    pub(super) fn new(object: &Value, found: Reconciliation) -> Self {
        let concern = concern_of(object, &found);
        let version = object["metadata"]["resourceVersion"].as_str();
        let moment = found.since.clone().or_else(|| version.map(str::to_owned));
        Self {
            found,
            concern,
            moment,
        }
    }

    pub(super) fn gone() -> Self {
        Self {
            found: Reconciliation::of(State::Gone),
            concern: Concern::Newest,
            moment: None,
        }
    }

    /// A failure of a specification that has been replaced since.
    fn is_old_failure(&self) -> bool {
        self.found.state == State::Failed && self.concern == Concern::Older
    }

    /// How long it has to be seen before it counts, besides at two looks.
    fn trial(&self) -> Duration {
        let is_certain = match self.found.state {
            State::Failed => self.concern == Concern::Newest,
            State::WorksFailing => false,
            State::Reconciled => self.concern != Concern::Older,
            _ => true,
        };
        if is_certain { Duration::ZERO } else { STEADY }
    }
}

/// What a wait remembers of its looks.
pub(super) struct Steadiness {
    awaited: State,
    /// The state that was seen last, its moment, and when it was first seen so.
    last: Option<(State, Option<String>, Instant)>,
    /// The moment at which it was last seen reconciled.
    success: Option<Option<String>>,
    /// Whether it was reconciled, something else, and reconciled again.
    flips: bool,
}

impl Steadiness {
    pub(super) fn new(awaited: State) -> Self {
        Self {
            awaited,
            last: None,
            success: None,
            flips: false,
        }
    }

    pub(super) fn has_seen(&self) -> bool {
        self.last.is_some()
    }

    /// Whether the wait is over, now that this is seen.
    pub(super) fn rests(&mut self, seen: &Seen) -> bool {
        let stayed = self.stayed(seen);
        let state = seen.found.state;
        let is_reached = state == self.awaited && !seen.is_old_failure();
        if is_reached && state != State::Reconciled {
            return true;
        }
        let ends = is_reached || self.halts(seen);
        ends && stayed.is_some_and(|stayed| stayed >= seen.trial())
    }

    /// For how long it has been seen as it is; `None` when it is seen so for the first time.
    fn stayed(&mut self, seen: &Seen) -> Option<Duration> {
        let state = seen.found.state;
        if state == State::Reconciled {
            let before = self.success.replace(seen.moment.clone());
            self.flips |= before.is_some_and(|before| before != seen.moment);
        }
        let same = |last: &&(State, Option<String>, Instant)| last.0 == state && last.1 == seen.moment;
        if let Some((.., since)) = self.last.as_ref().filter(same).filter(|_| !seen.is_old_failure()) {
            return Some(since.elapsed());
        }
        self.last = Some((state, seen.moment.clone(), Instant::now()));
        None
    }

    /// Whether it leads elsewhere than asked until a person does something.
    fn halts(&self, seen: &Seen) -> bool {
        let found = &seen.found;
        match (self.awaited, found.state) {
            (State::Gone, State::Deleting) => found.halted,
            (State::Gone, _) => false,
            (_, State::Deleting) => true,
            _ => found.halted && !seen.is_old_failure(),
        }
    }

    /// What is told at the end.
    pub(super) fn told(&self, seen: Seen, timed_out: bool) -> Reconciliation {
        let is_old = seen.is_old_failure();
        let mut found = seen.found;
        if is_old {
            let note =
                "This failure is of an older specification; the platform has not taken up the newest yet";
            found.note = Some(note.to_owned());
        }
        if timed_out && self.awaited == State::Reconciled && self.flips {
            unsteady(&mut found);
        }
        found
    }
}

/// What is reconciled at one look and not at the next is not reconciled.
fn unsteady(found: &mut Reconciliation) {
    if found.state == State::Reconciled {
        found.state = State::Applying;
        found.reason = Some("NotSteady".to_owned());
    }
    let warning =
        "It was reconciled for moments and did not stay so; look at the works it has and at Kratix's log";
    found.warning.get_or_insert_with(|| warning.to_owned());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugins::ske::domain::state_of;

    /// A request in its first generation; the second is that of the last transition.
    fn seen(reason: &str, second: u8) -> Seen {
        let (kind, status) = match reason {
            "Reconciled" => ("Reconciled", "True"),
            "WorksFailing" => ("WorksSucceeded", "False"),
            "WorkflowSuspended" => ("Reconciled", "Unknown"),
            _ => ("ConfigureWorkflowCompleted", "False"),
        };
        let time = format!("2026-08-21T10:00:{second:02}Z");
        let condition = json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": time});
        of(
            &json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": [condition]}}),
        )
    }

    fn of(object: &Value) -> Seen {
        Seen::new(object, state_of(object))
    }

    /// Looks every five seconds and returns after how many seconds it rests.
    async fn rests_after(awaited: State, looks: &[(&str, u8)]) -> Option<u64> {
        let (mut steadiness, begun) = (Steadiness::new(awaited), Instant::now());
        for (reason, second) in looks {
            if steadiness.rests(&seen(reason, *second)) {
                return Some(begun.elapsed().as_secs());
            }
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        None
    }

    const FLIPPING: [(&str, u8); 6] = [
        ("Reconciled", 1),
        ("WorksFailing", 2),
        ("Reconciled", 10),
        ("Reconciled", 15),
        ("WorksFailing", 20),
        ("WorksFailing", 25),
    ];

    #[tokio::test(start_paused = true)]
    async fn success_is_what_is_seen_twice_without_a_change() {
        use State::{Gone, Reconciled, Running, Suspended};
        let running = "PipelinesInProgress";
        for (awaited, looks, expected) in [
            (Reconciled, &[("Reconciled", 1), ("Reconciled", 1)][..], Some(5)),
            (
                Reconciled,
                &[("Reconciled", 1), ("Reconciled", 2), ("Reconciled", 3)],
                None,
            ),
            (Reconciled, &FLIPPING, None),
            (Running, &[("Reconciled", 1), (running, 2)], Some(5)),
            (Suspended, &[("WorkflowSuspended", 1)], Some(0)),
            (
                Gone,
                &[("Reconciled", 1), ("Reconciled", 1), ("WorksFailing", 1)],
                None,
            ),
        ] {
            assert_eq!(
                rests_after(awaited, looks).await,
                expected,
                "{awaited:?} {looks:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn works_that_keep_failing_end_a_wait_after_ten_seconds() {
        let (failing, other) = (("WorksFailing", 1), ("WorksFailing", 2));
        assert_eq!(rests_after(State::Reconciled, &[failing; 4]).await, Some(10));
        assert_eq!(
            rests_after(State::Reconciled, &[failing, failing, other, other]).await,
            None
        );
        assert_eq!(
            rests_after(State::Reconciled, &[("WorkflowSuspended", 1); 4]).await,
            Some(5)
        );
        assert_eq!(
            rests_after(State::Reconciled, &[("ConfigureWorkflowFailed", 1); 4]).await,
            Some(5)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_condition_the_objects_version_must_stay() {
        let object = |version: &str| {
            of(
                &json!({"metadata": {"generation": 1, "resourceVersion": version, "labels": {"kratix.io/promise-name": "x"}},
                "status": {"observedGeneration": 1}}),
            )
        };
        let mut steadiness = Steadiness::new(State::Reconciled);
        for (version, expected) in [("7", false), ("8", false), ("8", true)] {
            assert_eq!(steadiness.rests(&object(version)), expected, "{version}");
        }
    }

    #[test]
    fn a_wait_that_saw_it_flip_does_not_tell_success() {
        let mut steadiness = Steadiness::new(State::Reconciled);
        for (reason, second) in FLIPPING {
            assert!(!steadiness.rests(&seen(reason, second)));
        }
        let told = steadiness.told(seen("Reconciled", 30), true);
        assert_eq!(
            (told.state, told.reason.as_deref()),
            (State::Applying, Some("NotSteady"))
        );
        assert!(told.warning.unwrap().contains("did not stay so"));
        let told = steadiness.told(seen("WorksFailing", 30), true);
        assert_eq!((told.state, told.warning.is_some()), (State::WorksFailing, true));
        let told = Steadiness::new(State::Reconciled).told(seen("Reconciled", 30), true);
        assert_eq!((told.state, told.warning), (State::Reconciled, None));
    }

    #[test]
    fn a_held_up_deletion_ends_a_wait_for_its_end() {
        let deleting = |reason: &str, retry: bool| {
            let condition = json!({"type": "DeleteWorkflowCompleted", "status": "False", "reason": reason});
            let retry = retry.then_some("2026-08-21T11:00:00Z");
            of(
                &json!({"metadata": {"deletionTimestamp": "2026-08-21T10:00:00Z"}, "status": {"conditions": [condition],
                "kratix": {"workflows": {"pipelines": [{"name": "unmake", "nextRetryAt": retry}]}}}}),
            )
        };
        for (reason, retry, expected) in [
            ("DeleteWorkflowFailed", false, true),
            ("DeleteWorkflowSuspended", false, true),
            ("DeleteWorkflowSuspended", true, false),
            ("PipelinesInProgress", false, false),
        ] {
            let mut steadiness = Steadiness::new(State::Gone);
            assert!(
                !steadiness.rests(&deleting(reason, retry)),
                "one look says nothing"
            );
            assert_eq!(
                steadiness.rests(&deleting(reason, retry)),
                expected,
                "{reason} {retry}"
            );
        }
        assert!(Steadiness::new(State::Gone).rests(&Seen::gone()));
    }
}

//! When a recorded request has had its time: rules over what was seen, with no cluster, repository or clock in sight.

use serde_json::Value;

use super::request::{Action, PendingRequest, Review};
use crate::plugins::ske::domain::{State, state_of};

/// Nothing happened for so long that nobody waits for it any more.
const PATIENCE: i64 = 7 * 24 * 60 * 60;

/// Nobody could say for so long what became of a pull request that nobody will: its repository is gone, or what opened it
/// to us. Longer than any outage, and than a limited host takes to answer for a full table.
const OUT_OF_SIGHT: i64 = 30 * 24 * 60 * 60;

/// What a look at the platform showed. A look that failed shows nothing and is none of these.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plugins::ske) enum Sight {
    /// The object is there.
    Present {
        /// Whether the platform has worked through what was last asked of it.
        caught_up: bool,
    },
    /// The same at a cluster, which tells what was last asked of it as well.
    Live {
        /// As above.
        caught_up: bool,
        /// `spec`; null without one.
        spec: Value,
    },
    /// It certainly is not.
    Absent,
}

/// What a look at a pull request means for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing new.
    Stay,
    /// It was merged: shown as such.
    Merged,
    /// It has had its time.
    Withdraw,
}

/// The moments before which something must have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StaleBefore {
    /// To a request without an open pull request.
    pub(super) moved: i64,
    /// To an open pull request, which was seen then or was none yet.
    pub(super) seen: i64,
}

impl StaleBefore {
    /// Whether the request has had its time.
    pub(super) fn covers(self, request: &PendingRequest) -> bool {
        match request.review {
            Review::Open => request.updated_at.max(request.seen_at) < self.seen,
            Review::None | Review::Merged => request.updated_at < self.moved,
        }
    }
}

/// What became of a pull request, in words of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Open,
    Merged,
    Rejected,
}

impl Sight {
    /// What a live object says of itself, which may be about an earlier change than the one that was asked for.
    pub(in crate::plugins::ske) fn of_live(object: &Value) -> Self {
        let state = state_of(object);
        let behind = match (state.generation, state.observed_generation) {
            (Some(generation), Some(observed)) => generation > observed,
            // Kinds that say nothing of their progress are done as soon as they are there.
            _ => state.state != State::Unknown && state.state != State::Reconciled,
        };
        let leaving = state.state == State::Deleting;
        Self::Live {
            caught_up: !behind && !leaving,
            spec: object["spec"].clone(),
        }
    }

    /// What a repository has is all there is to see.
    pub(in crate::plugins::ske) const COMMITTED: Self = Self::Present { caught_up: true };
}

/// Whether what was asked for has come about.
pub(super) fn is_settled(request: &PendingRequest, sight: &Sight) -> bool {
    let caught_up = match sight {
        Sight::Present { caught_up } | Sight::Live { caught_up, .. } => Some(*caught_up),
        Sight::Absent => None,
    };
    // Before the merge nothing has come of it, and whatever is seen is as it was before.
    let is_open = request.review == Review::Open;
    match (request.action, caught_up) {
        (Action::Request, seen) => seen.is_some(),
        (Action::Update, Some(caught_up)) => caught_up && !is_open,
        (Action::Update | Action::Delete, None) => !is_open,
        (Action::Delete, Some(_)) => false,
    }
}

/// What the outcome of the review means. In a repository that is itself the platform's record, a merged change has
/// come about.
pub(super) fn after_review(request: &PendingRequest, outcome: Outcome, lands_at_once: bool) -> Verdict {
    match outcome {
        Outcome::Rejected => Verdict::Withdraw,
        Outcome::Merged if request.action == Action::Update && lands_at_once => Verdict::Withdraw,
        Outcome::Merged if request.review != Review::Merged => Verdict::Merged,
        Outcome::Merged | Outcome::Open => Verdict::Stay,
    }
}

/// Returns what has had its time by now.
pub(super) fn stale_before(now: i64) -> StaleBefore {
    StaleBefore {
        moved: now - PATIENCE,
        seen: now - OUT_OF_SIGHT,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::request, *};

    const LIVE: Sight = Sight::Present { caught_up: true };
    const BEHIND: Sight = Sight::Present { caught_up: false };

    fn of(action: Action, review: Review) -> PendingRequest {
        PendingRequest {
            review,
            ..request(action)
        }
    }

    #[test]
    fn a_request_is_withdrawn_when_the_resource_appears_however_far_it_is() {
        for review in [Review::None, Review::Open, Review::Merged] {
            let request = of(Action::Request, review);
            assert!(is_settled(&request, &LIVE) && is_settled(&request, &BEHIND));
        }
    }

    #[test]
    fn a_request_stays_as_long_as_the_resource_is_not_there() {
        for review in [Review::None, Review::Open, Review::Merged] {
            assert!(!is_settled(&of(Action::Request, review), &Sight::Absent));
        }
    }

    #[test]
    fn an_update_stays_while_its_pull_request_waits_although_the_resource_is_there() {
        assert!(!is_settled(&of(Action::Update, Review::Open), &LIVE));
    }

    #[test]
    fn an_update_stays_until_the_live_object_caught_up() {
        for review in [Review::None, Review::Merged] {
            assert!(!is_settled(&of(Action::Update, review), &BEHIND));
            assert!(is_settled(&of(Action::Update, review), &LIVE));
        }
    }

    #[test]
    fn an_update_is_withdrawn_when_the_resource_is_gone() {
        for review in [Review::None, Review::Merged] {
            assert!(is_settled(&of(Action::Update, review), &Sight::Absent));
        }
    }

    #[test]
    fn nothing_has_come_of_an_open_pull_request_although_the_resource_is_not_there() {
        for action in [Action::Update, Action::Delete] {
            assert!(
                !is_settled(&of(action, Review::Open), &Sight::Absent),
                "{action:?}"
            );
        }
    }

    #[test]
    fn a_deletion_stays_until_the_object_is_gone_and_is_withdrawn_then() {
        for review in [Review::None, Review::Open, Review::Merged] {
            let request = of(Action::Delete, review);
            assert!(!is_settled(&request, &LIVE) && !is_settled(&request, &BEHIND));
            assert_eq!(is_settled(&request, &Sight::Absent), review != Review::Open);
        }
    }

    #[test]
    fn a_pull_request_closed_without_merge_drops_the_request_whatever_it_asked_for() {
        for action in [Action::Request, Action::Update, Action::Delete] {
            for review in [Review::Open, Review::Merged] {
                let verdict = after_review(&of(action, review), Outcome::Rejected, false);
                assert_eq!(verdict, Verdict::Withdraw, "{action:?}");
            }
        }
    }

    #[test]
    fn a_merged_request_stays_and_says_that_it_was_merged() {
        for action in [Action::Request, Action::Update, Action::Delete] {
            let open = of(action, Review::Open);
            assert_eq!(
                after_review(&open, Outcome::Merged, false),
                Verdict::Merged,
                "{action:?}"
            );
            let merged = of(action, Review::Merged);
            assert_eq!(
                after_review(&merged, Outcome::Merged, false),
                Verdict::Stay,
                "{action:?}"
            );
        }
    }

    #[test]
    fn a_merged_update_has_come_about_at_once_where_the_repository_is_the_platforms_record() {
        let verdict = |action| after_review(&of(action, Review::Open), Outcome::Merged, true);
        assert_eq!(verdict(Action::Update), Verdict::Withdraw);
        assert_eq!(verdict(Action::Request), Verdict::Merged);
        assert_eq!(verdict(Action::Delete), Verdict::Merged);
    }

    #[test]
    fn an_open_pull_request_changes_nothing() {
        for action in [Action::Request, Action::Update, Action::Delete] {
            assert_eq!(
                after_review(&of(action, Review::Open), Outcome::Open, true),
                Verdict::Stay
            );
        }
    }

    #[test]
    fn a_live_object_has_caught_up_when_its_generation_was_observed() {
        let object = |generation: i64, status: serde_json::Value| json!({"metadata": {"generation": generation}, "status": status});
        let reconciled = json!([{"type": "Reconciled", "status": "True", "reason": "Reconciled"}]);
        let failed = json!([{"type": "ConfigureWorkflowCompleted", "status": "False", "reason": "ConfigureWorkflowFailed"}]);
        for (object, caught_up) in [
            (
                object(2, json!({"observedGeneration": 2, "conditions": reconciled})),
                true,
            ),
            (
                object(3, json!({"observedGeneration": 2, "conditions": reconciled})),
                false,
            ),
            (
                object(3, json!({"observedGeneration": 2, "conditions": failed})),
                false,
            ),
            (object(1, json!({"conditions": failed})), false),
            (object(1, json!({})), true),
            (json!({"kind": "ConfigMap"}), true),
            (
                json!({"metadata": {"deletionTimestamp": "2026-11-22T00:00:00Z"}}),
                false,
            ),
        ] {
            let spec = object["spec"].clone();
            assert_eq!(
                Sight::of_live(&object),
                Sight::Live { caught_up, spec },
                "{object}"
            );
        }
    }
}

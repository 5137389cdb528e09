//! The state of Promises: led by `Available`, explained by the rest.

use serde_json::json;

use super::{State, state_of};

type Snapshot = (&'static str, &'static str, Option<(&'static str, &'static str)>);

/// Name, `status.status`, and status and reason of `Reconciled` where the Promise has that condition.
const PROMISES: [Snapshot; 28] = [
    ("ai", "Available", Some(("True", "Reconciled"))),
    ("ansible-job-launcher", "Available", None),
    (
        "app",
        "Unavailable",
        Some(("Unknown", "RequirementsNotFulfilled")),
    ),
    (
        "app-stack",
        "Available",
        Some(("Unknown", "RequirementsNotFulfilled")),
    ),
    ("appdeployment", "Available", None),
    ("argocd-application", "Available", Some(("True", "Reconciled"))),
    ("aws-rds", "Available", None),
    ("jenkins", "Available", Some(("True", "Reconciled"))),
    ("kafka", "Available", Some(("True", "Reconciled"))),
    ("knative", "Available", Some(("True", "Reconciled"))),
    ("kubeflow-pipelines", "Available", Some(("True", "Reconciled"))),
    ("mongodb", "Available", Some(("True", "Reconciled"))),
    ("namespace", "Available", None),
    (
        "namespace-claim",
        "Available",
        Some(("Unknown", "RequirementsNotFulfilled")),
    ),
    ("nopipes", "Available", None),
    ("nowhere", "Available", None),
    ("paved-path-demo", "Available", None),
    ("postgresql", "Available", Some(("True", "Reconciled"))),
    ("redis", "Available", Some(("True", "Reconciled"))),
    ("runtime", "Available", Some(("True", "Reconciled"))),
    ("s3", "Available", Some(("True", "Reconciled"))),
    ("slack", "Available", None),
    ("sql", "Available", None),
    ("tekton", "Available", None),
    ("vault", "Available", None),
    ("vaultnamespace", "Available", None),
    ("vcluster", "Available", None),
    ("versioned", "Available", None),
];

#[test]
fn a_promises_state_is_led_by_available() {
    for (name, word, reconciled) in PROMISES {
        let is_available = word == "Available";
        let (status, reason) = if is_available {
            ("True", "PromiseAvailable")
        } else {
            ("False", "PromiseUnavailable")
        };
        let mut conditions = vec![json!({"type": "Available", "status": status, "reason": reason})];
        conditions.extend(
            reconciled
                .map(|(status, reason)| json!({"type": "Reconciled", "status": status, "reason": reason})),
        );
        let mut promise = json!({
            "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise", "metadata": {"name": name, "generation": 2},
            "status": {"status": word, "conditions": conditions},
        });
        let expected = if is_available {
            State::Reconciled
        } else {
            State::WaitingForPromise
        };
        assert_eq!(state_of(&promise).state, expected, "{name}");
        // Neither the generation nor the absence of the condition changes that.
        promise["status"]["observedGeneration"] = json!(1);
        assert_eq!(state_of(&promise).state, expected, "{name}");
        promise["status"]["conditions"].as_array_mut().unwrap().remove(0);
        assert_eq!(state_of(&promise).state, expected, "{name}");
    }
}

#[test]
fn an_unavailable_promise_says_what_keeps_it() {
    let object = |conditions: &[(&str, &str, &str)]| {
        let conditions = conditions.iter().map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason, "message": format!("about {kind}")})
        });
        json!({"apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise",
            "status": {"conditions": conditions.collect::<Vec<_>>()}})
    };
    let unavailable = ("Available", "False", "PromiseUnavailable");
    let failing = ("WorksSucceeded", "False", "WorksFailing");
    for (conditions, expected, halted) in [
        (&[][..], State::Applying, false),
        (&[unavailable], State::Applying, false),
        (&[("Available", "Unknown", "x")], State::Applying, false),
        (
            &[("Available", "False", "WorkflowSuspended")],
            State::Suspended,
            true,
        ),
        (
            &[
                unavailable,
                ("ConfigureWorkflowCompleted", "False", "ConfigureWorkflowFailed"),
            ],
            State::Failed,
            true,
        ),
        (&[unavailable, failing], State::WorksFailing, true),
        (
            &[unavailable, ("WorksSucceeded", "Unknown", "WorksPending")],
            State::WorksPending,
            false,
        ),
        (
            &[
                unavailable,
                ("RequirementsFulfilled", "False", "RequirementsNotAvailable"),
                failing,
            ],
            State::WaitingForPromise,
            false,
        ),
    ] {
        let found = state_of(&object(conditions));
        assert_eq!((found.state, found.halted), (expected, halted), "{conditions:?}");
        assert!(found.state != State::Applying || (found.reason.is_some() && found.message.is_some()));
    }
    let found = state_of(&object(&[("Available", "True", "PromiseAvailable"), failing]));
    assert_eq!((found.state, found.halted), (State::Reconciled, false));
    assert!(found.warning.unwrap().contains("about WorksSucceeded"));
}

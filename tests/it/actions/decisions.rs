//! Decisions about runs: taken once, refused with a reason, and in doubt neither repeated nor called refused.

use serde_json::{Value, json};

use super::{
    runs::{RUN, named},
    spacelift::{invoke, portal, rest},
};
use crate::support::{
    app::TestApp,
    spacelift::{CANARY_QUOTE, FakeSpacelift, Reply, error, explained, html, logged_in_as},
};

/// What Spacelift says of a run whose decision it refused.
fn undecided(state: &str) -> Reply {
    explained(
        json!({"id": "a", "canWrite": true, "isDisabled": false, "lockedBy": null, "lockedAt": null, "lockNote": null,
        "run": {"state": state}}),
    )
}

#[tokio::test]
async fn a_decision_is_taken_in_the_callers_name_with_a_note() {
    for (action, operation, field, state) in [
        ("confirm-run", "ConfirmRun", "runConfirm", "CONFIRMED"),
        ("discard-run", "DiscardRun", "runDiscard", "DISCARDED"),
    ] {
        let done = || Reply::Json(json!({"data": {field: {"id": "01HRUN", "state": state}}}));
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect(operation, done())
            .expect(operation, done());
        let app = portal(&fake).await;
        let mut input = named();
        input["note"] = json!("agreed");
        let shown = json!({"id": "01HRUN", "state": state, "url": "https://acme.app.spacelift.io/stack/a/run/01HRUN"});
        assert_eq!(
            invoke(&app, action, &input).await,
            (200, json!({ "output": shown }))
        );
        let asked = fake.last(operation);
        let note = "tests through the portal: agreed";
        assert_eq!(
            asked.body["variables"],
            json!({"stack": "a", "run": "01HRUN", "note": note})
        );
        assert_eq!(
            asked.header("spacelift-user-provided-run-metadata"),
            Some("tests")
        );
        let verb = action.trim_end_matches("-run");
        assert_eq!(rest(app.post(&format!("{RUN}/{verb}")).await).await, (200, shown));
        assert_eq!(
            fake.last(operation).body["variables"]["note"],
            "tests through the portal"
        );
    }
}

#[tokio::test]
async fn a_refused_decision_says_in_which_state_the_run_is() {
    for (reply, status, says) in [
        (
            undecided("APPLYING"),
            409,
            "is in state APPLYING and cannot be confirmed",
        ),
        (
            explained(json!({"id": "a", "canWrite": true, "isDisabled": false, "run": null})),
            404,
            "has no run '01HRUN'",
        ),
        (explained(Value::Null), 404, "knows no stack 'a'"),
        (
            undecided("UNCONFIRMED"),
            502,
            "refused ConfirmRun: policy says no",
        ),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("ConfirmRun", error("policy says no"))
            .expect("ExplainDecision", reply);
        let app = portal(&fake).await;
        let (found, body) = invoke(&app, "confirm-run", &named()).await;
        assert!(
            found == status && body["error"]["message"].as_str().unwrap().contains(says),
            "{body}"
        );
    }
}

/// An answer that says neither yes nor no.
fn nothing_said(field: &str) -> Reply {
    Reply::Json(json!({ "data": { field: null } }))
}

/// An answer with an error that lies below the mutation.
fn below(field: &str, message: &str) -> Reply {
    let errors = json!([{ "message": message, "path": [field, "state"] }]);
    Reply::Json(json!({ "data": { field: null }, "errors": errors }))
}

#[tokio::test]
async fn a_decision_in_doubt_is_a_success_if_the_run_went_where_it_leads() {
    for (action, operation, field, states) in [
        (
            "confirm-run",
            "ConfirmRun",
            "runConfirm",
            &["CONFIRMED", "PREPARING_APPLY", "APPLYING"][..],
        ),
        ("discard-run", "DiscardRun", "runDiscard", &["DISCARDED"]),
    ] {
        for state in states {
            for reply in [nothing_said(field), below(field, "boom"), html(503)] {
                let fake = FakeSpacelift::start().await;
                fake.expect_login()
                    .expect(operation, reply)
                    .expect("ExplainDecision", undecided(state));
                let (status, body) = invoke(&portal(&fake).await, action, &named()).await;
                assert_eq!((status, &body["output"]["state"]), (200, &json!(state)), "{body}");
                assert_eq!(body["output"]["id"], "01HRUN");
            }
        }
    }
}

#[tokio::test]
async fn a_confirmation_in_doubt_is_not_called_refused_since_the_run_may_be_over_by_it() {
    for state in ["FINISHED", "FAILED", "UNCONFIRMED", "DISCARDED", "QUEUED"] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("ConfirmRun", nothing_said("runConfirm"))
            .expect("ExplainDecision", undecided(state));
        let (status, body) = invoke(&portal(&fake).await, "confirm-run", &named()).await;
        let says = "Whether Spacelift took the decision is not known";
        assert!(
            status == 504 && body["error"]["message"].as_str().unwrap().starts_with(says),
            "{state}: {body}"
        );
    }
}

#[tokio::test]
async fn a_lost_decision_is_a_504_with_a_link_and_is_never_repeated() {
    for (reply, look) in [
        (Reply::Close, undecided("UNCONFIRMED")),
        (Reply::CloseMidBody, html(503)),
        (Reply::Hang, Reply::Hang),
        (html(503), undecided("FINISHED")),
        (nothing_said("runDiscard"), undecided("APPLYING")),
        (nothing_said("runDiscard"), explained(Value::Null)),
        (below("runDiscard", "unauthorized"), undecided("CANCELED")),
    ] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login()
            .expect("DiscardRun", reply)
            .expect("ExplainDecision", look);
        let app = portal(&fake).await;
        let (status, body) = invoke(&app, "discard-run", &named()).await;
        assert_eq!(status, 504);
        let link = "look at https://acme.app.spacelift.io/stack/a/run/01HRUN before you decide again";
        assert!(
            body["error"]["message"].as_str().unwrap().contains(link),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_decision_is_sent_again_only_after_unauthorized_from_a_dead_session() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ConfirmRun", error("unauthorized"))
        .expect(
            "ExplainDecision",
            Reply::Json(json!({"data": {"viewer": null, "stack": null}})),
        )
        .expect("LogIn", logged_in_as("second"))
        .expect(
            "ConfirmRun",
            Reply::Json(json!({"data": {"runConfirm": {"id": "01HRUN", "state": "CONFIRMED"}}})),
        );
    let app = portal(&fake).await;
    assert_eq!(invoke(&app, "confirm-run", &named()).await.0, 200);
}

#[tokio::test]
async fn read_only_refuses_decisions_and_no_secret_comes_out_of_a_refused_one() {
    let fake = FakeSpacelift::start().await;
    let config = fake.app_config("").replace("apiKey:", "readOnly: true, apiKey:");
    let app = TestApp::start(&config).await;
    for action in ["confirm-run", "discard-run"] {
        assert_eq!(invoke(&app, action, &named()).await.0, 403);
    }
    let fake = FakeSpacelift::start().await;
    fake.expect_login()
        .expect("ConfirmRun", error(CANARY_QUOTE))
        .expect("ExplainDecision", undecided("UNCONFIRMED"));
    let (status, body) = invoke(&portal(&fake).await, "confirm-run", &named()).await;
    assert!(status == 502 && !body.to_string().contains("canary"), "{body}");
}

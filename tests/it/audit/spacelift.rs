//! What is done to Spacelift's stacks and runs.

use serde_json::{Value, json};

use super::Recorded;
use crate::support::spacelift::{FakeSpacelift, Reply, listed, triggered};

const TRIGGER: &str = "/api/spacelift-io/stacks/prod%20Net/trigger";

async fn start(fake: &FakeSpacelift, auditor: &str) -> Recorded {
    Recorded::start(auditor, &fake.section("timeout: 1s")).await
}

#[tokio::test]
async fn a_write_is_two_events_that_say_who_did_what_from_where_and_how_it_ended() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login().expect("TriggerRun", triggered("run-1"));
    let portal = start(&fake, "{}").await;
    assert_eq!(portal.ask("POST", TRIGGER, None).await, 200);
    let host = portal
        .base
        .trim_start_matches("http://")
        .split(':')
        .next()
        .unwrap()
        .to_owned();
    let [mut first, mut last] = <[Value; 2]>::try_from(portal.events().await).unwrap();
    for event in [&mut first, &mut last] {
        event.as_object_mut().unwrap().remove("timestamp").unwrap();
    }
    let expected = json!({
        "level": "info", "message": "spacelift-io.run-mutate", "service": "stagedoor",
        "isAuditEvent": true, "plugin": "spacelift-io", "eventId": "run-mutate", "severityLevel": "medium",
        "status": "initiated",
        "actor": { "actorId": "user:default/jane", "ip": "127.0.0.1", "hostname": host, "userAgent": "portal %22x%22" },
        "request": { "url": TRIGGER, "method": "POST" },
        "meta": { "actionType": "trigger", "stackId": "prod%20%4Eet" },
    });
    assert_eq!(first, expected);
    let mut ended = expected;
    ended["status"] = "succeeded".into();
    ended["meta"]["runId"] = "run-1".into();
    assert_eq!(last, ended);
}

#[tokio::test]
async fn a_write_that_failed_says_why_and_at_no_level_a_secret() {
    let fake = FakeSpacelift::start().await;
    fake.expect_login();
    fake.expect(
        "TriggerRun",
        Reply::Raw(500, "", crate::support::spacelift::CANARY_QUOTE.to_owned()),
    );
    let portal = start(&fake, "{}").await;
    assert_eq!(portal.ask("POST", TRIGGER, None).await, 504);
    let events = portal.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["status"], "failed");
    let message = events[1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("spacelift-io.run-mutate Whether Spacelift took the trigger is not known"),
        "{message}"
    );
    assert!(!json!(events).to_string().contains("canary"), "{events:?}");
}

#[tokio::test]
async fn an_attempt_that_is_refused_is_recorded_too() {
    let fake = FakeSpacelift::start().await;
    let section = fake
        .section("timeout: 1s")
        .replace("hostUrl:", "readOnly: true, hostUrl:");
    let portal = Recorded::start("{}", &section).await;
    assert_eq!(portal.ask("POST", TRIGGER, None).await, 403);
    let events = portal.events().await;
    let statuses: Vec<_> = events
        .iter()
        .map(|event| event["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["initiated", "failed"]);
}

#[tokio::test]
async fn a_decision_that_comes_on_a_way_that_may_not_write_is_recorded_with_the_reason() {
    let fake = FakeSpacelift::start().await;
    let portal = start(&fake, "{}").await;
    let confirm = "/api/spacelift-io/stacks/a/runs/01HRUN/confirm";
    assert_eq!(portal.ask("POST", confirm, None).await, 403);
    let events = portal.events().await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(
        (&events[0]["status"], &events[1]["status"]),
        (&json!("initiated"), &json!("failed"))
    );
    assert_eq!(events[1]["actor"]["actorId"], "user:default/jane");
    let message = events[1]["message"].as_str().unwrap();
    assert!(message.contains("stagedoor.actions.writeCallers"), "{message}");
}

#[tokio::test]
async fn looking_is_of_low_severity_and_only_written_where_the_level_asks_for_it() {
    for (auditor, events) in [("{}", 0), ("{ severityLogLevelMappings: { low: info } }", 4)] {
        let fake = FakeSpacelift::start().await;
        fake.expect_login().expect("ListStacks", listed(json!([])));
        let portal = start(&fake, auditor).await;
        assert_eq!(portal.ask("GET", "/api/spacelift-io/stacks", None).await, 200);
        assert_eq!(portal.ask("GET", "/api/spacelift-io/stacks/a", None).await, 404);
        let written = portal.events().await;
        assert_eq!(written.len(), events, "{written:?}");
        if let [_, all, _, one] = written.as_slice() {
            assert_eq!(
                (&all["severityLevel"], &all["level"]),
                (&json!("low"), &json!("info"))
            );
            assert_eq!(all["meta"], json!({ "queryType": "all" }));
            assert_eq!(one["meta"], json!({ "queryType": "by-id", "stackId": "a" }));
            assert_eq!(one["status"], "failed");
        }
    }
}

//! Who may run an action that changes something.

use serde_json::json;

use super::portal::Portal;
use crate::support::app::STATIC_TOKEN;

#[tokio::test]
async fn a_user_writes_through_the_scaffolder_and_is_told_the_key_otherwise() {
    let portal = Portal::start().await;
    let input = json!({"thingName": "a"});
    let done = portal
        .invoke_as(&portal.through("scaffolder"), "do-thing", &input)
        .await;
    assert_eq!(done.output()["caller"], "user:default/jane");
    assert_eq!(
        portal.invoke_as(STATIC_TOKEN, "do-thing", &input).await.output()["caller"],
        "tests"
    );
    for (token, entry) in [
        (portal.user(), "'direct'"),
        (portal.through("mcp-actions"), "'mcp-actions'"),
    ] {
        let (status, name, message) = portal.invoke_as(&token, "do-thing", &input).await.refused();
        assert_eq!((status, name.as_str()), (403, "NotAllowedError"));
        assert!(
            message.contains(entry) && message.contains("stagedoor.actions.writeCallers"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn the_refusal_of_a_way_comes_before_the_input_is_looked_at() {
    let portal = Portal::start().await;
    let found = portal
        .invoke_as(&portal.user(), "do-thing", &json!({}))
        .await
        .refused();
    assert_eq!(found.0, 403, "{found:?}");
}

#[tokio::test]
async fn whoever_is_signed_in_may_look() {
    let portal = Portal::start().await;
    for token in [
        portal.user(),
        portal.through("mcp-actions"),
        portal.through("scaffolder"),
    ] {
        assert_eq!(portal.invoke_as(&token, "look", &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn the_list_of_ways_is_the_configurations() {
    let portal = Portal::with("{}", "stagedoor: { actions: { writeCallers: [direct] } }\n").await;
    let input = json!({"thingName": "a"});
    assert_eq!(
        portal.invoke_as(&portal.user(), "do-thing", &input).await.status,
        200
    );
    let scaffolder = portal.through("scaffolder");
    assert_eq!(
        portal.invoke_as(&scaffolder, "do-thing", &input).await.status,
        403
    );
}

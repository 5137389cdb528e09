//! What consumers are told of the actions, and how little it takes to tell them.

use serde_json::json;

use super::{
    portal::{LIMITED_TOKEN, LIST, Portal},
    sample::Faulty,
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp, backend_section},
    policy::FakePolicy,
};

#[tokio::test]
async fn an_action_is_listed_with_everything_the_protocol_names() {
    let portal = Portal::start().await;
    let expected = json!({
        "id": "sample:do-thing",
        "name": "do-thing",
        "title": "Do thing",
        "description": "Does it",
        "pluginId": "sample",
        "attributes": {"destructive": false, "idempotent": true, "readOnly": false},
        "examples": [{"title": "Twice", "input": {"thingName": "a", "times": 2},
            "output": {"caller": "user:default/jane", "did": "a x 2"}}],
        "schema": {
            "input": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {
                    "thingName": {"type": "string", "minLength": 1, "description": "What to do it to."},
                    "times": {"type": ["integer", "null"], "minimum": 1, "maximum": 9, "description": "How often."},
                },
                "required": ["thingName"],
                "additionalProperties": false,
            },
            "output": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {
                    "caller": {"type": ["string", "null"], "description": "Who asked."},
                    "did": {"type": "string", "description": "What was done."},
                },
                "required": ["caller", "did"],
                "additionalProperties": false,
            },
        },
    });
    assert_eq!(portal.list(STATIC_TOKEN).await[0], expected);
}

#[tokio::test]
async fn examples_and_secrets_are_listed_only_where_there_are_any() {
    let portal = Portal::start().await;
    let list = portal.list(STATIC_TOKEN).await;
    let of = |id: &str| list.iter().find(|action| action["id"] == id).unwrap();
    let empty = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {},
        "additionalProperties": false,
    });
    let look = of("sample:look");
    assert_eq!(look["schema"], json!({"input": empty, "output": empty}));
    assert!(look.get("examples").is_none());
    assert_eq!(
        look["attributes"],
        json!({"destructive": false, "idempotent": true, "readOnly": true})
    );
    let secrets = &of("sample:use-secret")["schema"]["secrets"];
    assert_eq!(
        secrets["properties"],
        json!({"password": {"type": "string", "minLength": 4}})
    );
}

#[tokio::test]
async fn the_list_wants_a_caller_and_stands_in_one_place() {
    let portal = Portal::start().await;
    let anonymous = portal.send(("GET", LIST), None, "").await;
    assert_eq!(
        (anonymous.status, anonymous.phrase.as_str()),
        (401, "Unauthorized")
    );
    for (method, path) in [
        ("GET", "/api/sample/.backstage/actions/v2/actions".to_owned()),
        ("POST", LIST.to_owned()),
        ("GET", format!("{LIST}/sample%3Alook/invoke")),
        ("GET", format!("{LIST}/sample%3Alook")),
    ] {
        let reply = portal.send((method, &path), Some(STATIC_TOKEN), "").await;
        let (status, name) = (reply.status, reply.json()["error"]["name"].clone());
        assert_eq!((status, name), (404, json!("NotFoundError")), "{method} {path}");
        assert_eq!(
            reply.phrase, "Not Found",
            "only invocations are explained in the phrase"
        );
    }
}

#[tokio::test]
async fn an_action_that_names_a_permission_is_seen_by_those_who_have_it_and_404_for_the_rest() {
    let portal = Portal::start().await;
    let hidden = "sample:hidden".to_owned();
    for (token, sees) in [
        (STATIC_TOKEN.to_owned(), true),
        (LIMITED_TOKEN.to_owned(), false),
        (portal.user(), true),
        (portal.through("scaffolder"), true),
    ] {
        assert_eq!(portal.ids(&token).await.contains(&hidden), sees, "{token}");
        let reply = portal.invoke_as(&token, "hidden", &json!({})).await;
        assert_eq!(reply.status, if sees { 200 } else { 404 }, "{reply:?}");
    }
}

#[tokio::test]
async fn the_permission_that_shows_an_action_is_among_those_of_its_plugin() {
    let portal = Portal::start().await;
    let path = "/api/sample/.well-known/backstage/permissions/metadata";
    let reply = portal.send(("GET", path), Some(STATIC_TOKEN), "").await;
    let shown = json!([{ "type": "basic", "name": "sample.hidden.see", "attributes": { "action": "read" } }]);
    assert_eq!(reply.json()["permissions"], shown);
}

#[tokio::test]
async fn where_permissions_are_enabled_the_policy_decides_which_actions_a_user_sees() {
    let policy = FakePolicy::start().await;
    let portal = Portal::with("{}", &policy.section()).await;
    policy.believe(&portal.app.base);
    let (hidden, open) = ("sample:hidden".to_owned(), "sample:look".to_owned());
    for denied in [false, true] {
        if denied {
            policy.deny("user:default/jane", "sample.hidden.see");
        }
        for (token, sees) in [
            (STATIC_TOKEN.to_owned(), true),
            (portal.user(), !denied),
            (portal.through("scaffolder"), !denied),
        ] {
            let ids = portal.ids(&token).await;
            assert_eq!(ids.contains(&hidden), sees, "{token}");
            assert!(ids.contains(&open));
            let reply = portal.invoke_as(&token, "hidden", &json!({})).await;
            assert_eq!(reply.status, if sees { 200 } else { 404 }, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn while_nobody_decides_all_actions_without_a_permission_of_their_own_are_still_found() {
    let policy = FakePolicy::down();
    let portal = Portal::with("{}", &policy.section()).await;
    let ids = portal.ids(&portal.user()).await;
    assert!(
        ids.contains(&"sample:look".to_owned()) && !ids.contains(&"sample:hidden".to_owned()),
        "{ids:?}"
    );
    let reply = portal.invoke_as(&portal.user(), "hidden", &json!({})).await;
    assert_eq!(reply.status, 502, "{reply:?}");
}

#[tokio::test]
async fn actions_with_faults_keep_their_plugin_from_starting() {
    let config = format!("{}faulty: {{}}\n", backend_section());
    let app = TestApp::start_with(&config, |backend| backend.add::<Faulty>()).await;
    let problem = app.stop().await.unwrap_err().to_string();
    for says in [
        "'look' is given twice",
        "the example 'Wrong' of 'bad-example': 'x' is not wanted here",
    ] {
        assert!(problem.contains(says), "{problem}");
    }
}

//! Tokens an operator has limited: the refusal comes before the cluster is asked for anything.

use serde_json::json;

use super::{
    place::{CONFIGURE, DELETE, Place},
    portal::{Said, manifest, named, post, resource, state},
};
use crate::support::app::STATIC_TOKEN;

const LIMITED: &str = "a-token-with-limits-of-its-own";

/// A platform whose portal has a second static token, limited so.
async fn limited(limits: &str) -> Place {
    Place::configured("{}", |config| {
        let entry = "subject: tests }\n";
        assert!(config.contains(entry));
        let second = format!(
            "{entry}      - type: static\n        options: {{ token: {LIMITED}, subject: robot }}\n        \
             accessRestrictions: [{{ plugin: ske, {limits} }}]\n"
        );
        config.replace(entry, &second)
    })
    .await
}

/// What the limited token gets: reading, state, creating, updating, deleting.
async fn each(place: &Place) -> [Said; 5] {
    let (app, kind, namespace) = (&place.app, &place.kind, place.namespace.as_str());
    let write = |name: &str| manifest(kind, namespace, name, json!({"size": "large"}));
    [
        super::portal::get(app, LIMITED, &resource(kind, namespace, "there")).await,
        super::portal::get(app, LIMITED, &state(kind, namespace, "there")).await,
        post(app, LIMITED, CONFIGURE, &write("new")).await,
        post(app, LIMITED, CONFIGURE, &write("there")).await,
        post(app, LIMITED, DELETE, &named(kind, namespace, "there")).await,
    ]
}

#[tokio::test]
async fn each_permission_opens_what_it_names_and_the_refusal_names_it() {
    let names = ["read", "read", "create", "update", "delete"];
    for allowed in ["read", "create", "update", "delete"] {
        for limits in [
            format!("permission: ske.resource.{allowed}"),
            format!("permissionAttribute: {{ action: {allowed} }}"),
        ] {
            let place = limited(&limits).await;
            place.create("there").await;
            for (needed, said) in names.iter().zip(each(&place).await) {
                if *needed == allowed {
                    assert_eq!(said.status, 200, "{limits}: {needed}: {said:?}");
                    continue;
                }
                let (status, message) = said.refused();
                assert_eq!(status, 403, "{limits}: {needed}: {message}");
                assert!(
                    message.contains("'ske.resource.") && message.contains("accessRestrictions"),
                    "{message}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_without_any_of_the_permissions_causes_no_call_to_the_cluster() {
    for limits in [
        "permission: spacelift.stack.read",
        "permission: ske.resource.read, permissionAttribute: { action: delete }",
    ] {
        let place = limited(limits).await;
        place.create("there").await;
        for said in each(&place).await {
            assert_eq!(said.refused().0, 403, "{limits}");
        }
        let about = |path: &str| path.contains(&place.kind.group) && !path.ends_with("/the-last-one");
        let asked = place.asked().await;
        let asked: Vec<&str> = asked
            .iter()
            .map(|entry| entry.request_uri.as_str())
            .filter(|path| about(path))
            .collect();
        // The look at the kind belongs to the read that `asked` itself makes.
        assert_eq!(asked, [format!("/apis/{}", place.kind.api_version())]);
    }
}

#[tokio::test]
async fn a_token_limited_to_the_plugin_alone_may_do_everything_in_it() {
    let place = limited("").await;
    place.create("there").await;
    for said in each(&place).await {
        said.ok();
    }
    assert_eq!(
        super::portal::get(&place.app, STATIC_TOKEN, "/api/ske/nothing")
            .await
            .status,
        404
    );
}

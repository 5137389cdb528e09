//! What is done to the platform's objects; here through the repository.

use serde_json::json;

use super::Recorded;
use crate::support::{
    app::STATIC_TOKEN,
    git::{
        server::{PASSWORD, USER},
        workshop::Workshop,
    },
};

#[tokio::test]
async fn a_write_names_the_object_and_the_commit_and_nothing_else_of_the_manifest() {
    let workshop = Workshop::new().await;
    let sections = format!(
        "ske:\n  mode: gitops\n  scm: {{ repoUrl: '{}', username: {USER}, token: {PASSWORD}, path: requests }}\nstagedoor:\n  \
         dataDir: '{}'\n  ske: {{ allow: [{{ group: example.org, kinds: ['*'], access: write }}] }}\n",
        workshop.server.url("state.git"),
        workshop.data.path().display()
    );
    let portal = Recorded::start("{}", &sections).await;
    let manifest = json!({
        "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": "mine", "namespace": "team" },
        "spec": { "password": "canary-in-a-form" },
    });
    let configure = ("POST", "/api/ske/configure-resource");
    let body = json!({ "manifest": manifest });
    assert_eq!(portal.ask_as(STATIC_TOKEN, configure, Some(&body)).await, 200);
    let named =
        json!({ "apiVersion": "example.org/v1", "kind": "Database", "name": "mine", "namespace": "team" });
    assert_eq!(
        portal.ask("POST", "/api/ske/delete-resource", Some(&named)).await,
        200
    );
    let events = portal.events().await;
    assert!(!json!(events).to_string().contains("canary"), "{events:?}");
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["eventId"].as_str().unwrap(),
                event["status"].as_str().unwrap(),
                &event["meta"],
            )
        })
        .collect();
    let about = |action: &str| {
        let mut meta = named.clone();
        meta["actionType"] = action.into();
        meta
    };
    let (configured, deleted) = (about("configure"), about("delete"));
    assert_eq!(told[0], ("resource-mutate", "initiated", &configured));
    assert_eq!((told[1].0, told[1].1), ("resource-mutate", "succeeded"));
    assert_eq!(told[1].2["commit"].as_str().unwrap().len(), 40);
    assert_eq!(told[2], ("resource-mutate", "initiated", &deleted));
    assert_eq!(told[3].2["commit"].as_str().unwrap().len(), 40);
    assert_eq!(events[0]["actor"]["actorId"], "tests");
    assert_eq!(events[2]["actor"]["actorId"], "user:default/jane");
    assert_eq!(events.len(), 4);
}

//! What reaches the API server says what the manifest says, and the answer whether the object is new.

use serde_json::{Value, json};

use super::{
    place::{CONFIGURE, Place},
    portal::{manifest, post},
};
use crate::support::{app::STATIC_TOKEN, kubernetes::RequestKind};

/// A platform with a kind whose `spec` may hold anything.
async fn place() -> Place {
    let mut place = Place::with("{ allow: [{ group: '*', kinds: ['*'], access: write }] }").await;
    place.kind = RequestKind::new("Anything");
    place.cluster.define(&definition(&place.kind)).await;
    place
}

fn definition(kind: &RequestKind) -> Value {
    let mut definition = kind.definition();
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    *schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    definition
}

#[tokio::test]
async fn integers_of_64_bits_reach_the_server_as_written() {
    let place = place().await;
    for number in ["9007199254740993", "9223372036854775807", "-9223372036854775808"] {
        let (api_version, namespace) = (place.kind.api_version(), &place.namespace);
        let text = format!(
            "apiVersion: {api_version}\nkind: Anything\nmetadata: {{name: text, namespace: {namespace}}}\nspec: {{n: {number}}}"
        );
        let spec = serde_json::from_str(&format!("{{\"n\": {number}}}")).unwrap();
        for (name, body) in [
            ("text", json!({ "manifest": text })),
            ("object", manifest(&place.kind, namespace, "object", spec)),
        ] {
            place.configure(&body).await.ok();
            assert_eq!(place.live(name).await["spec"]["n"].to_string(), number, "{name}");
            assert_eq!(
                place.read(name).await.ok()["manifest"]["spec"]["n"].to_string(),
                number
            );
        }
    }
}

#[tokio::test]
async fn what_should_be_new_is_made_once_and_stays_as_it_is() {
    let place = place().await;
    let body = |size: usize| {
        let mut body = manifest(&place.kind, &place.namespace, "mine", json!({ "size": size }));
        body["ifExists"] = "fail".into();
        body
    };
    let bodies: Vec<Value> = (0..8).map(body).collect();
    let all = bodies
        .iter()
        .map(|body| post(&place.app, STATIC_TOKEN, CONFIGURE, body));
    let (made, refused): (Vec<_>, Vec<_>) = futures_util::future::join_all(all)
        .await
        .into_iter()
        .partition(|said| said.status == 200);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].body["created"], true);
    let live = place.live("mine").await;
    for said in refused {
        let (status, message) = said.refused();
        assert!(
            status == 409 && message.contains("exists already"),
            "{status} {message}"
        );
    }
    place.configure(&body(9)).await.refused();
    assert_eq!(place.live("mine").await, live);
    assert_eq!(
        place.write("mine", json!({ "size": 9 })).await.ok()["created"],
        false
    );
}

#[tokio::test]
async fn a_deletion_answers_without_managed_fields() {
    let place = place().await;
    let mut object = place.kind.request("mine", json!({}));
    object["metadata"]["finalizers"] = json!(["example.org/stays"]);
    object["metadata"]["namespace"] = place.namespace.as_str().into();
    place.configure(&json!({ "manifest": object })).await.ok();
    let deleted = place.delete("mine").await.ok();
    assert_eq!(deleted["metadata"]["name"], "mine");
    assert!(deleted["metadata"]["deletionTimestamp"].is_string(), "{deleted}");
    assert_eq!(deleted["metadata"]["managedFields"], Value::Null);
    let patch = json!({ "metadata": { "finalizers": null } });
    place.cluster.api().patch(&place.path("mine"), &patch).await.ok();
}

#[tokio::test]
async fn a_kind_without_namespaces_is_named_without_one() {
    let place = place().await;
    let kind = RequestKind::new("Anywhere");
    let mut definition = definition(&kind);
    definition["spec"]["scope"] = "Cluster".into();
    place.cluster.define(&definition).await;
    let (status, message) = place
        .get(&super::portal::resource(&kind, "default", "mine"))
        .await
        .refused();
    assert_eq!(
        (status, message.as_str()),
        (404, "Anywhere mine does not exist on the platform")
    );
}

//! What installed Promises open of an account that may do everything, and for how long.

use std::time::Duration;

use serde_json::json;

use super::{
    guard::{KRATIX, tries},
    place::{Place, until, until_within},
    portal::get,
};
use crate::support::kubernetes::{RequestKind, Rule};

#[tokio::test]
async fn a_kind_is_closed_until_its_promise_is_there_and_opens_with_it() {
    let place = Place::open().await;
    let late = RequestKind::new("Late");
    place.cluster.define(&late.definition()).await;
    let path = super::portal::resource(&late, &place.namespace, "mine");
    let (status, message) = get(&place.app, &place.guest(), &path).await.refused();
    assert!(
        status == 403 && message.contains("no Promise offers it"),
        "{message}"
    );
    let promise = json!({
        "apiVersion": KRATIX, "kind": "Promise", "metadata": { "name": late.promise },
        "spec": { "api": late.definition() },
    });
    let promises = format!("/apis/{KRATIX}/promises");
    place.cluster.api().create(&promises, &promise).await.ok();
    let guest = place.guest();
    until(404, || get(&place.app, &guest, &path)).await;
}

#[tokio::test]
async fn a_promise_that_was_removed_no_longer_opens_its_kind() {
    let place = Place::open().await;
    place.create("mine").await;
    let (guest, path) = (
        place.guest(),
        super::portal::resource(&place.kind, &place.namespace, "mine"),
    );
    // From here on the Promise is remembered.
    get(&place.app, &guest, &path).await.ok();
    place.cluster.api().delete(&place.kind.promise_path()).await.ok();
    // A minute is what the operator is told; the rest is for a slow machine.
    let (_, message) = until_within(Duration::from_secs(75), 403, || get(&place.app, &guest, &path))
        .await
        .refused();
    assert!(message.contains("no Promise offers it"), "{message}");
    for (what, said) in tries(&place, &place.kind.api_version(), "Database", "mine").await {
        assert_eq!(said.refused().0, 403, "{what}");
    }
    assert!(place.live("mine").await["metadata"]["uid"].is_string());
}

#[tokio::test]
async fn where_promises_may_not_be_listed_nothing_is_open_and_the_sentence_says_why() {
    let place = Place::may(&Rule::on("*", &["*"]).verbs(&["get", "create", "update", "delete"])).await;
    place.create("mine").await;
    for (what, said) in tries(&place, &place.kind.api_version(), "Database", "mine").await {
        let (status, message) = said.refused();
        assert_eq!(status, 403, "{what}: {message}");
        assert!(message.contains("cannot list resource \"promises\""), "{message}");
        assert!(message.contains("stagedoor.ske.allow"), "{message}");
    }
    // What needs no list does not ask for it.
    let (status, message) = tries(&place, "v1", "Secret", "mine").await.map(|(_, said)| said)[0]
        .clone()
        .refused();
    assert!(status == 403 && !message.contains("list"), "{message}");
    let [read, ..] = tries(&place, KRATIX, "Promise", &place.kind.promise).await;
    assert_eq!(read.1.status, 200);
}

#[tokio::test]
async fn a_kind_with_a_dash_is_served_like_any_other() {
    let mut place = Place::open().await;
    place.kind = place.cluster.promise("paved-path-demo").await;
    place.write("mine", json!({ "size": "small" })).await.ok();
    let read = place.read("mine").await.ok();
    assert_eq!(read["manifest"]["kind"], "paved-path-demo");
    place.state("mine").await;
    place.delete("mine").await.ok();
}

//! Kinds that are not served, not any more, in another version, or at another path.

use serde_json::{Value, json};

use super::{
    place::{Place, until},
    portal::resource,
    resource::every_route,
};
use crate::support::kubernetes::{Answer, RequestKind, Rule};

#[tokio::test]
async fn a_kind_or_group_that_is_not_served_is_a_404_on_every_route() {
    let place = Place::with("{ allow: [{ group: '*', kinds: ['*'], access: write }] }").await;
    let unserved = [
        ("kind", "Nothing"),
        ("group", "nowhere.example.org"),
        ("kind", "database"),
    ];
    for (part, value) in unserved {
        let mut kind = place.kind.clone();
        match part {
            "kind" => kind.kind = value.to_owned(),
            _ => kind.group = value.to_owned(),
        }
        for (route, said) in every_route(&place, &kind).await {
            let (status, message) = said.refused();
            assert_eq!(status, 404, "{route} {part}: {message}");
            assert!(
                message.contains("does not serve") && message.contains("Promise is installed"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn an_unserved_version_is_a_422_that_names_the_served_ones() {
    let place = Place::open().await;
    let mut kind = place.kind.clone();
    kind.version = "v9".to_owned();
    for (route, said) in every_route(&place, &kind).await {
        let (status, message) = said.refused();
        assert_eq!(status, 422, "{route}: {message}");
        let end = format!("it serves it in {}", place.kind.api_version());
        assert!(message.ends_with(&end), "{message}");
    }
}

/// An upgrade of the Promise: the version that was used is no longer served.
#[tokio::test]
async fn a_version_taken_away_names_the_one_in_its_place() {
    let place = Place::open().await;
    place.create("mine").await;
    place.read("mine").await.ok();
    let mut upgraded = place.kind.definition();
    let mut newer = upgraded["spec"]["versions"][0].clone();
    newer["name"] = json!("v2");
    upgraded["spec"]["versions"][0]["served"] = json!(false);
    upgraded["spec"]["versions"][0]["storage"] = json!(false);
    upgraded["spec"]["versions"].as_array_mut().unwrap().push(newer);
    let versions = upgraded["spec"]["versions"].clone();
    let change = |definition: &mut Value| definition["spec"]["versions"] = versions.clone();
    place
        .cluster
        .api()
        .change(&definition_path(&place.kind), change)
        .await
        .ok();
    let message = until(422, || place.read("mine")).await.refused().1;
    assert!(
        message.ends_with(&format!("it serves it in {}/v2", place.kind.group)),
        "{message}"
    );
}

/// Without the Promise the kind may not be touched; that it is gone comes first.
#[tokio::test]
async fn what_was_uninstalled_is_a_404_and_no_lack_of_rights() {
    let place = Place::open().await;
    place.create("mine").await;
    place.read("mine").await.ok();
    place.cluster.api().delete(&place.kind.promise_path()).await.ok();
    take_away(&place).await;
    for (route, said) in every_route(&place, &place.kind).await {
        let (status, message) = said.refused();
        assert!(
            status == 404 && message.contains("does not serve"),
            "{route}: {status} {message}"
        );
    }
    place.cluster.define(&place.kind.definition()).await;
    let (status, message) = until(403, || place.write("mine", json!({ "size": "small" })))
        .await
        .refused();
    assert!(
        status == 403 && message.contains("no Promise offers it"),
        "{message}"
    );
}

fn definition_path(kind: &RequestKind) -> String {
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    format!("{definitions}/{}.{}", kind.plural, kind.group)
}

/// Removes the definition; returns once the API server no longer serves it.
async fn take_away(place: &Place) {
    let definition = definition_path(&place.kind);
    place.cluster.api().delete(&definition).await.ok();
    let unknown = |answer: &Answer| answer.status == 404 && answer.body.is_string();
    place.cluster.api().wait_for(&place.path("mine"), unknown).await;
}

/// Takes the kind away and brings it back with another plural or scope.
async fn comes_back_changed(place: &Place, plural: &str, scope: &str) -> String {
    take_away(place).await;
    let mut moved = place.kind.clone();
    moved.plural = plural.to_owned();
    let mut definition = moved.definition();
    definition["spec"]["scope"] = json!(scope);
    place.cluster.define(&definition).await;
    match scope {
        "Cluster" => format!("/apis/{}/{}/{plural}", moved.group, moved.version),
        _ => moved.path(&place.namespace),
    }
}

#[tokio::test]
async fn another_plural_or_scope_is_looked_up_before_an_answer() {
    for (plural, scope) in [("otherdatabases", "Namespaced"), ("databases", "Cluster")] {
        for route in ["absent", "resource", "configure", "delete"] {
            let place = Place::open().await;
            // From here on the kind is remembered.
            place.read("mine").await.refused();
            let collection = comes_back_changed(&place, plural, scope).await;
            if ["resource", "delete"].contains(&route) {
                let request = place.kind.request("mine", json!({ "size": "small" }));
                place.cluster.api().create(&collection, &request).await.ok();
            }
            let said = match route {
                "configure" => place.write("mine", json!({ "size": "small" })).await,
                "delete" => place.delete("mine").await,
                _ => place.read("mine").await,
            };
            let expected = if route == "absent" { 404 } else { 200 };
            assert_eq!(said.status, expected, "{plural} {scope} {route}: {said:?}");
            let there = place
                .cluster
                .api()
                .get(&format!("{collection}/mine"))
                .await
                .status
                == 200;
            assert_eq!(
                there,
                ["resource", "configure"].contains(&route),
                "{plural} {scope} {route}"
            );
        }
    }
}

/// The path is served again, for objects of another kind.
#[tokio::test]
async fn a_kind_whose_path_another_one_took_over_is_a_404() {
    let place = Place::open().await;
    place.create("mine").await;
    place.read("mine").await.ok();
    let mut other = place.kind.definition();
    take_away(&place).await;
    other["spec"]["names"]["kind"] = json!("Store");
    place.cluster.define(&other).await;
    let mut request = place.kind.request("mine", json!({ "size": "small" }));
    request["kind"] = json!("Store");
    place
        .cluster
        .api()
        .create(&place.kind.path(&place.namespace), &request)
        .await
        .ok();
    let (status, message) = place.read("mine").await.refused();
    assert!(
        status == 404 && message.contains("does not serve kind 'Database'"),
        "{status} {message}"
    );
}

#[tokio::test]
async fn a_kind_taken_away_is_a_404_and_served_again_when_back() {
    let place = Place::open().await;
    place.create("mine").await;
    place.read("mine").await.ok();
    take_away(&place).await;
    for _ in 0..2 {
        for (route, said) in every_route(&place, &place.kind).await {
            let (status, message) = said.refused();
            assert_eq!(status, 404, "{route}: {message}");
            assert!(message.contains("does not serve"), "{message}");
        }
    }
    place.cluster.define(&place.kind.definition()).await;
    until(200, || place.write("mine", json!({ "size": "small" }))).await;
}

/// Rights are judged before paths are looked at, so who has none for the old path is told 403 and never 404.
#[tokio::test]
async fn a_kind_that_comes_back_under_another_plural_is_found_there_by_whoever_may_read_it() {
    let plurals = ["promises", "databases", "otherdatabases"];
    let place = Place::may(&Rule::on("*", &plurals)).await;
    assert_eq!(place.kind.plural, "databases");
    let read = || place.read("mine");
    assert_eq!(read().await.status, 404);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = format!("{definitions}/{}.{}", place.kind.plural, place.kind.group);
    place.cluster.api().delete(&definition).await.ok();
    let mut moved = place.kind.clone();
    moved.plural = format!("other{}", moved.plural);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    place.cluster.define(&moved.definition()).await;
    until(404, read).await;
}

#[tokio::test]
async fn a_kind_installed_after_it_was_missed_is_usable_a_moment_later() {
    let place = Place::with("{ allow: [{ group: '*', kinds: ['*'], access: read }] }").await;
    let late = RequestKind::new("Late");
    let path = resource(&late, &place.namespace, "mine");
    assert_eq!(place.get(&path).await.status, 404);
    place.cluster.define(&late.definition()).await;
    let installed = std::time::Instant::now();
    until(404, || place.get(&path)).await;
    assert!(installed.elapsed().as_secs() < 10, "{:?}", installed.elapsed());
}

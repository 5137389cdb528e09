//! `GET /api/ske/resource`: what is read, and what each refusal is.

use serde_json::{Value, json};

use super::{
    place::{CONFIGURE, DELETE, Place},
    portal::{Said, get, manifest, named, post, resource, said, state},
};
use crate::support::{
    app::STATIC_TOKEN,
    kubernetes::{RequestKind, Rule},
};

#[tokio::test]
async fn an_object_is_read_whole_but_for_the_record_of_who_set_which_field() {
    let place = Place::open().await;
    place.create("mine").await;
    place.kratix().reconcile("mine").await;
    let mut live = place.live("mine").await;
    live["metadata"].as_object_mut().unwrap().remove("managedFields");
    let read = place.read("mine").await.ok();
    assert_eq!(read, json!({ "manifest": live }));
    assert!(live["status"]["conditions"].is_array() && live["metadata"]["generation"].is_i64());
}

#[tokio::test]
async fn a_missing_or_empty_parameter_is_a_400_that_names_it() {
    let place = Place::open().await;
    let given = [
        ("name", "x"),
        ("kind", "Database"),
        ("apiVersion", "example.org/v1"),
    ];
    for path in ["resource", "resource/state"] {
        for (left_out, _) in given {
            let others: Vec<String> = given
                .iter()
                .filter(|(key, _)| *key != left_out)
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            for last in [String::new(), format!("&{left_out}"), format!("&{left_out}=")] {
                let path = format!("/api/ske/{path}?{}{last}", others.join("&"));
                let (status, message) = place.get(&path).await.refused();
                assert!(
                    status == 400 && message.contains(&format!("'{left_out}'")),
                    "{path}: {message}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_a_400_that_names_it() {
    let place = Place::open().await;
    let path = resource(&place.kind, &place.namespace, "mine");
    for key in ["name", "kind", "apiVersion", "namespace"] {
        let (status, message) = place.get(&format!("{path}&{key}=v1")).await.refused();
        assert!(
            status == 400 && message.contains(&format!("'{key}' is given twice")),
            "{message}"
        );
    }
    let spelt = place.get(&format!("{path}&n%61me=other")).await.refused();
    assert!(spelt.1.contains("'name' is given twice"), "{}", spelt.1);
}

#[tokio::test]
async fn a_parameter_nobody_knows_is_not_looked_at_however_often_it_comes() {
    let place = Place::open().await;
    place.create("mine").await;
    let path = resource(&place.kind, &place.namespace, "mine");
    place
        .get(&format!("{path}&_=1&_=2&Name=other&constructor=x"))
        .await
        .ok();
}

#[tokio::test]
async fn an_api_version_with_undefined_is_a_400_that_names_the_annotations() {
    let place = Place::open().await;
    for api_version in [
        "undefined/v1",
        "example.org/undefined",
        "undefined/undefined",
        "undefined",
    ] {
        let path = format!("/api/ske/resource?name=x&kind=Database&apiVersion={api_version}");
        let (status, message) = place.get(&path).await.refused();
        assert_eq!(status, 400, "{message}");
        assert!(
            message.contains("'kratix.io/group'") && message.contains("'kratix.io/version'"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_api_version_that_is_no_group_and_version_is_a_400() {
    let place = Place::open().await;
    for api_version in [
        "a/b/c",
        "/v1",
        "example.org/",
        "V1",
        "example.org/v1%2Fstatus",
        "..%2Fv1",
        "v1%3Fx",
    ] {
        let path = format!("/api/ske/resource?name=x&kind=Database&apiVersion={api_version}");
        let (status, message) = place.get(&path).await.refused();
        assert!(
            status == 400 && message.contains("apiVersion"),
            "{api_version}: {message}"
        );
    }
}

#[tokio::test]
async fn an_absent_object_is_a_404_whatever_its_namespace() {
    let place = Place::open().await;
    place.create("mine").await;
    for (namespace, name) in [
        (place.namespace.as_str(), "other"),
        ("default", "mine"),
        ("nowhere", "nowhere"),
    ] {
        let (status, message) = place.get(&resource(&place.kind, namespace, name)).await.refused();
        assert!(
            status == 404 && message.contains(&format!("Database {namespace}/{name} does not exist")),
            "{message}"
        );
        assert_eq!(place.get(&state(&place.kind, namespace, name)).await.status, 404);
    }
    let promise = "/api/ske/resource?kind=Promise&apiVersion=platform.kratix.io/v1alpha1&name=never-was";
    assert_eq!(place.get(promise).await.refused().0, 404);
}

#[tokio::test]
async fn an_absent_namespace_is_a_404_where_the_namespace_is_what_was_asked_for() {
    let place = Place::with("{ allow: [{ group: core, kinds: [Namespace], access: write }] }").await;
    let path = |name: &str| format!("/api/ske/resource?kind=Namespace&apiVersion=v1&name={name}");
    assert_eq!(place.get(&path("never-was")).await.refused().0, 404);
    let read = place.get(&path(&place.namespace)).await.ok();
    assert_eq!(read["manifest"]["metadata"]["name"], place.namespace.as_str());
}

pub(super) async fn every_route(place: &Place, kind: &RequestKind) -> Vec<(&'static str, Said)> {
    let namespace = &place.namespace;
    let configured = manifest(kind, namespace, "mine", json!({ "size": "small" }));
    let named = named(kind, namespace, "mine");
    vec![
        ("resource", place.get(&resource(kind, namespace, "mine")).await),
        ("state", place.get(&state(kind, namespace, "mine")).await),
        ("configure", place.configure(&configured).await),
        ("delete", post(&place.app, STATIC_TOKEN, DELETE, &named).await),
    ]
}

#[tokio::test]
async fn a_promise_is_found_whatever_namespace_comes_with_it() {
    let place = Place::open().await;
    let promise = &place.kind.promise;
    let base =
        format!("/api/ske/resource?kind=Promise&apiVersion=platform.kratix.io/v1alpha1&name={promise}");
    for namespace in ["", "&namespace=", "&namespace=default", "&namespace=nowhere"] {
        let read = place.get(&format!("{base}{namespace}")).await.ok();
        assert_eq!(read["manifest"]["metadata"]["name"], promise.as_str());
        assert_eq!(read["manifest"]["metadata"]["namespace"], Value::Null);
    }
}

#[tokio::test]
async fn requests_outside_default_are_told_apart_by_their_namespace() {
    let place = Place::open().await;
    let ours = place.create("same").await;
    let request = place.kind.request("same", json!({ "size": "large" }));
    let theirs = place
        .cluster
        .api()
        .create(&place.kind.path("default"), &request)
        .await
        .ok();
    let read = place.read("same").await.ok();
    assert_eq!(read["manifest"]["metadata"]["uid"], ours["metadata"]["uid"]);
    let without = format!(
        "/api/ske/resource?name=same&kind=Database&apiVersion={}",
        place.kind.api_version()
    );
    for path in [without.clone(), format!("{without}&namespace=")] {
        let read = place.get(&path).await.ok();
        assert_eq!(
            read["manifest"]["metadata"]["uid"], theirs["metadata"]["uid"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_api_servers_no_is_a_403_with_its_own_sentence() {
    let promises = Rule::on("platform.kratix.io", &["promises"]).verbs(&["get", "list"]);
    let place = Place::may(&promises).await;
    place.create("mine").await;
    for (route, said) in every_route(&place, &place.kind).await {
        let (status, message) = said.refused();
        assert_eq!(status, 403, "{route}: {message}");
        let verb = if route == "delete" { "delete" } else { "get" };
        let sentence = format!(
            "{}.{} \"mine\" is forbidden: User \"{}\" cannot {verb} resource \"databases\" in API group \"{}\" in the \
             namespace \"{}\"",
            place.kind.plural, place.kind.group, place.account, place.kind.group, place.namespace
        );
        assert_eq!(message, sentence);
    }
}

#[tokio::test]
async fn every_refusal_is_json_with_its_message_at_the_top() {
    let place = Place::open().await;
    let app = &place.app;
    for path in [
        "/api/ske",
        "/api/ske/",
        "/api/ske/resources",
        "/api/ske/pending-requests/x",
        "/api/ske/resource/x",
    ] {
        let (status, message) = place.get(path).await.refused();
        assert!(status == 404 && !message.is_empty(), "{path}: {status} {message}");
    }
    let path = resource(&place.kind, &place.namespace, "mine");
    assert_eq!(get(app, "no-token-of-ours", &path).await.refused().0, 401);
    assert_eq!(said(app.client.get(app.url(&path))).await.refused().0, 401);
    let put = app.client.put(app.url(&path)).bearer_auth(STATIC_TOKEN);
    assert_eq!(said(put).await.refused().0, 404);
    for path in [DELETE, CONFIGURE] {
        assert_eq!(place.get(path).await.refused().0, 404);
        assert_eq!(
            place
                .send(path, "application/json", "{\"name\":")
                .await
                .refused()
                .0,
            400
        );
        assert_eq!(
            place
                .send(path, "application/json", "x".repeat(200_000))
                .await
                .refused()
                .0,
            413
        );
        let encoded = app.client.post(app.url(path)).header("content-encoding", "zstd");
        let encoded = encoded
            .bearer_auth(STATIC_TOKEN)
            .header("content-type", "application/json");
        assert_eq!(said(encoded.body("{}")).await.refused().0, 415);
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            assert_eq!(place.send(path, kind, "name=x").await.refused().0, 400, "{kind}");
        }
    }
}

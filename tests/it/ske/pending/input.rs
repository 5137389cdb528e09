//! What is refused, also from somebody who means harm, and that a refusal repeats nothing it should not.

use serde_json::{Value, json};

use super::desk::{Desk, request, reviewed};

fn with(field: &str, value: Value) -> Value {
    let mut input = reviewed("Request", "orders", 1);
    input[field] = value;
    input
}

fn without(field: &str) -> Value {
    let mut input = request("Request", "orders");
    input.as_object_mut().unwrap().remove(field);
    input
}

async fn refused(desk: &Desk, input: &Value) -> String {
    let (status, message) = desk.record(input).await.refused();
    assert_eq!(status, 400, "{input}: {message}");
    let (status, name, _) = desk.run(input).await.refused();
    assert_eq!((status, name.as_str()), (400, "InputError"), "{input}");
    message
}

#[tokio::test]
async fn what_is_missing_or_of_another_type_is_refused() {
    let desk = Desk::open().await;
    for input in [
        json!({}),
        without("promiseName"),
        without("name"),
        without("namespace"),
        without("action"),
        without("manifest"),
        with("action", "request".into()),
        with("action", "Create".into()),
        with("namespace", 1.into()),
        with("manifest", 1.into()),
        with("pullRequestUrl", json!(["https://github.com/O/R/pull/1"])),
    ] {
        refused(&desk, &input).await;
    }
    assert!(desk.recorded().await.is_empty());
}

#[tokio::test]
async fn a_manifest_must_be_one_object_and_is_never_repeated() {
    let desk = Desk::open().await;
    for manifest in [
        "",
        "canary",
        "kind: Database\nmetadata: { name: canary }",
        "apiVersion: v1\nkind: List\nitems: []",
        "apiVersion: v1\nkind: A\nmetadata: { name: a }\n---\napiVersion: v1\nkind: A\nmetadata: { name: b }",
        "apiVersion: v1\nkind: A\nkind: B\nmetadata: { name: canary }",
        "&a [*a, *a, canary",
        "apiVersion: v1\nkind: A\nmetadata: { name: a } # \0canary",
    ] {
        let message = refused(&desk, &with("manifest", manifest.into())).await;
        assert!(!message.contains("canary"), "{message}");
    }
}

#[tokio::test]
async fn a_pull_request_is_at_a_known_host_in_its_form_and_in_the_recorded_repository() {
    let desk = Desk::open().await;
    for url in [
        "http://github.com/O/R/pull/1",
        "javascript:alert(1)//github.com/O/R/pull/1",
        "https://evil.test/O/R/pull/1",
        "https://github.com.evil.test/O/R/pull/1",
        "https://github.com@evil.test/O/R/pull/1",
        "https://canary:x@github.com/O/R/pull/1",
        "https://github.com/O/R/pull/1?canary",
        "https://github.com/O/R/pull/1#canary",
        "https://github.com/O/R/pull/1/../../../../evil",
        "https://github.com/O/R/issues/1",
        "https://github.com/O/R/-/merge_requests/1",
        "https://gitlab.com/O/R/-/merge_requests/1",
        "https://github.com/O/other/pull/1",
        "https://github.com/evil/R/pull/1",
        "https://git.example.com/O/R/-/merge_requests/1",
        "https://github.com/O/R/pull/1\n",
    ] {
        let message = refused(&desk, &with("pullRequestUrl", url.into())).await;
        assert!(
            message.contains("pullRequestUrl") && !message.contains("canary"),
            "{url}: {message}"
        );
    }
    for repository in [
        "evil.test?owner=O&repo=R",
        "github.com",
        "https://canary:x@github.com/O/R",
    ] {
        let message = refused(&desk, &with("requestsRepoUrl", repository.into())).await;
        assert!(
            message.contains("requestsRepoUrl") && !message.contains("canary"),
            "{message}"
        );
    }
    assert!(desk.recorded().await.is_empty());
}

#[tokio::test]
async fn a_merge_request_of_gitlab_is_recorded_and_tells_its_repository() {
    let desk = Desk::open().await;
    let mut input = request("Update", "orders");
    input["pullRequestUrl"] = "https://git.example.com/a/b/requests/-/merge_requests/7".into();
    input["requestsRepoUrl"] = "".into();
    desk.run(&input).await.output();
    assert_eq!(
        desk.recorded().await[0]["requestsRepoUrl"],
        "git.example.com?owner=a/b&repo=requests"
    );
}

#[tokio::test]
async fn a_name_that_contradicts_its_manifest_gives_way_to_it() {
    let desk = Desk::open().await;
    let mut input = request("Request", "orders");
    input["name"] = "something-else".into();
    input["namespace"] = "".into();
    desk.run(&input).await.output();
    let [item] = <[_; 1]>::try_from(desk.recorded().await).unwrap();
    assert_eq!(
        (&item["name"], &item["namespace"]),
        (&json!("orders"), &json!("shop"))
    );
}

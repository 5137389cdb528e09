//! `GET /api/ske/resource` in gitops mode: the one document with the identity, wherever it stands.

use serde_json::{Value, json};

use super::place::{Depot, NOTICED, TEAM, document, document_in};
use crate::ske::{place::until_within, portal::resource};

#[tokio::test]
async fn an_object_is_found_by_its_identity_in_whichever_file_it_stands() {
    let two = format!(
        "# both of them\n{}---\n{}",
        document("first", "small"),
        document("second", "large")
    );
    let json = json!({
        "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": "json", "namespace": TEAM },
        "spec": { "size": "tiny" },
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [{
        "apiVersion": "example.org/v1", "kind": "Database", "metadata": { "name": "item", "namespace": TEAM },
        "spec": { "size": "listed" },
    }]});
    let depot = Depot::holding(&[
        ("requests/all.yaml", &two),
        ("requests/some/where/deeper.yml", &document("deep", "medium")),
        ("requests/an.json", &json.to_string()),
        ("requests/list.yaml", &list.to_string()),
    ])
    .await;
    for (name, size) in [
        ("first", "small"),
        ("second", "large"),
        ("deep", "medium"),
        ("json", "tiny"),
        ("item", "listed"),
    ] {
        let answer = depot.read(name).await.ok();
        assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
        let manifest = &answer["manifest"];
        assert_eq!(
            (&manifest["kind"], &manifest["spec"]["size"]),
            (&json!("Database"), &json!(size))
        );
        assert_eq!(manifest["metadata"], json!({ "name": name, "namespace": TEAM }));
    }
}

#[tokio::test]
async fn what_does_not_count_as_an_object_of_the_folder_is_a_404() {
    let hidden = document("hidden", "small");
    let depot = Depot::holding(&[
        ("elsewhere/a.yaml", &hidden),
        ("requests.yaml", &hidden),
        ("requests2/a.yaml", &hidden),
        ("requests/.github/a.yaml", &hidden),
        ("requests/a.yaml.bak", &hidden),
        ("requests/chart/Chart.yaml", "name: chart\n"),
        ("requests/chart/templates/a.yaml", &hidden),
        ("requests/kustomization.yaml", "resources: [a.yaml]\n"),
        ("requests/values.yaml", "hidden: {size: small}\n"),
        ("requests/there.yaml", &document("there", "small")),
    ])
    .await;
    let (status, message) = depot.read("hidden").await.refused();
    assert!(
        status == 404 && message.contains("Database team/hidden"),
        "{status} {message}"
    );
    depot.read("there").await.ok();
}

#[tokio::test]
async fn the_manifest_says_nothing_that_only_a_platform_could_know() {
    let live = format!(
        "{}status:\n  conditions: []\n",
        document("mine", "small").replace(
            "metadata:\n",
            "metadata:\n  generation: 7\n  uid: x\n  resourceVersion: '9'\n"
        )
    );
    let depot = Depot::holding(&[("requests/a.yaml", &live)]).await;
    let manifest = depot.read("mine").await.ok()["manifest"].clone();
    assert_eq!(manifest["status"], Value::Null);
    assert_eq!(manifest["metadata"]["generation"], Value::Null);
    assert_eq!(manifest["spec"], json!({ "size": "small" }));
}

#[tokio::test]
async fn there_is_no_live_state_and_the_answer_says_so() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let state = depot.state("mine").await.ok();
    assert_eq!(state["state"], "unknown", "{state}");
    assert_eq!(depot.state("nobodys").await.refused().0, 404);
}

#[tokio::test]
async fn the_version_is_not_part_of_the_identity() {
    let older = document("mine", "small").replace("example.org/v1", "example.org/v1alpha1");
    let depot = Depot::holding(&[("requests/a.yaml", &older)]).await;
    let manifest = depot.read("mine").await.ok()["manifest"].clone();
    assert_eq!(manifest["apiVersion"], "example.org/v1alpha1");
    // Group and kind are, and so is the case of the kind.
    let mut other = depot.kind.clone();
    other.group = "example.com".to_owned();
    assert_eq!(depot.get(&resource(&other, TEAM, "mine")).await.refused().0, 404);
    let mut other = depot.kind.clone();
    other.kind = "database".to_owned();
    assert_eq!(depot.get(&resource(&other, TEAM, "mine")).await.refused().0, 404);
}

#[tokio::test]
async fn objects_of_one_name_are_told_apart_by_their_namespace() {
    let nowhere = document_in("x", "mine", "in default").replace("  namespace: x\n", "");
    let depot = Depot::holding(&[
        ("requests/a.yaml", &document_in("team-a", "mine", "a")),
        ("requests/b.yaml", &document_in("team-b", "mine", "b")),
        ("requests/c.yaml", &nowhere),
    ])
    .await;
    for (namespace, size) in [
        ("team-a", "a"),
        ("team-b", "b"),
        ("default", "in default"),
        ("", "in default"),
    ] {
        let spec = Depot::spec_of(depot.read_in(namespace, "mine").await);
        assert_eq!(spec, json!({ "size": size }), "{namespace}");
    }
    let without = "/api/ske/resource?name=mine&kind=Database&apiVersion=example.org/v1";
    assert_eq!(Depot::spec_of(depot.get(without).await)["size"], "in default");
    assert_eq!(depot.read_in("team-c", "mine").await.refused().0, 404);
}

#[tokio::test]
async fn a_promise_in_the_repository_is_read_whatever_namespace_comes_with_it() {
    let promise =
        "apiVersion: platform.kratix.io/v1alpha1\nkind: Promise\nmetadata:\n  name: redis\nspec: {}\n";
    let depot = Depot::holding(&[("requests/promise.yaml", promise)]).await;
    for namespace in ["", "&namespace=team", "&namespace=default"] {
        let path = format!(
            "/api/ske/resource?name=redis&kind=Promise&apiVersion=platform.kratix.io/v1alpha1{namespace}"
        );
        assert_eq!(
            depot.get(&path).await.ok()["manifest"]["metadata"]["name"],
            "redis"
        );
    }
    // A repository usually holds none; the page stays up without it.
    let other = "/api/ske/resource?name=other&kind=Promise&apiVersion=platform.kratix.io/v1alpha1";
    assert_eq!(depot.get(other).await.refused().0, 404);
}

#[tokio::test]
async fn one_identity_in_several_documents_is_a_409_that_lists_all_their_files() {
    let newer = document("mine", "large").replace("example.org/v1", "example.org/v2");
    let depot = Depot::holding(&[
        ("requests/a.yaml", &document("mine", "small")),
        (
            "requests/deep/b.yml",
            &format!("{}---\n{}", document("other", "small"), document("mine", "small")),
        ),
        ("requests/c.yaml", &newer),
    ])
    .await;
    let (status, message) = depot.read("mine").await.refused();
    assert_eq!(status, 409, "{message}");
    for path in ["requests/a.yaml", "requests/deep/b.yml", "requests/c.yaml"] {
        assert!(message.contains(path), "{path}: {message}");
    }
    assert_eq!(depot.state("mine").await.refused().0, 409);
    depot.read("other").await.ok();
}

#[tokio::test]
async fn files_that_cannot_be_read_hide_no_others() {
    let half = format!(
        "{}---\na: [\n---\n{}",
        document("before", "small"),
        document("behind", "large")
    );
    let depot = Depot::holding(&[
        ("requests/broken.yaml", "a: [1, 2\n"),
        ("requests/tabs.yaml", "a:\n\tb: 1\n"),
        ("requests/twice.yaml", "a: 1\na: 2\n"),
        ("requests/alias.yaml", "a: *nobody\n"),
        ("requests/template.yaml", "name: {{ .Values.name }}\n"),
        (
            "requests/numbers.yaml",
            "apiVersion: example.org/v1\nkind: Database\nmetadata: {name: 7}\n",
        ),
        ("requests/empty.yaml", ""),
        ("requests/words.yaml", "just words\n"),
        ("requests/broken.json", "{"),
        ("requests/half.yaml", &half),
        ("requests/good.yaml", &document("mine", "small")),
    ])
    .await;
    for name in ["mine", "before", "behind"] {
        depot.read(name).await.ok();
    }
    assert_eq!(depot.read("nobodys").await.refused().0, 404);
}

#[tokio::test]
async fn documents_are_read_by_the_rules_of_kubernetes() {
    let spec = "spec:\n  flag: on\n  text: \"on\"\n  mode: 0644\n  base: &base {a: 1}\n  merged: {<<: *base, b: 2}\n";
    let text = document("mine", "small").replace("spec:\n  size: small\n", spec);
    let depot = Depot::holding(&[("requests/a.yaml", &text)]).await;
    assert_eq!(
        Depot::spec_of(depot.read("mine").await),
        json!({ "flag": true, "text": "on", "mode": 420, "base": { "a": 1 }, "merged": { "a": 1, "b": 2 } })
    );
}

#[tokio::test]
async fn what_others_push_is_seen_within_seconds() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    depot.read("mine").await.ok();
    depot
        .remote
        .push_file("requests/a.yaml", &document("yours", "large"));
    until_within(NOTICED, 200, || depot.read("yours")).await;
    assert_eq!(depot.read("mine").await.refused().0, 404);
}

#[tokio::test]
async fn what_was_written_and_deleted_here_is_seen_at_once() {
    let depot = Depot::open().await;
    assert_eq!(depot.read("mine").await.refused().0, 404);
    for size in ["small", "large"] {
        depot.write("mine", json!({ "size": size })).await.ok();
        assert_eq!(Depot::spec_of(depot.read("mine").await)["size"], size);
    }
    depot.delete("mine").await.ok();
    assert_eq!(depot.read("mine").await.refused().0, 404);
}

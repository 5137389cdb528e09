//! `ske.mode` decides where objects are read and where they are written; the requests are the same.

use serde_json::json;

use super::{
    gitops::place::{holding, scm},
    place::Place,
};
use crate::support::git::workshop::Workshop;

/// A platform and a repository whose portal has this `ske.mode`, with the same `ske.scm` in all of them.
pub(super) async fn in_mode(mode: &str) -> (Place, Workshop) {
    let workshop = holding(&[]).await;
    let place = Place::configured("{}", |config| {
        let section = format!(
            "ske:\n  mode: {mode}\n  scm: {}\n  kubernetes:",
            scm(&workshop.server, "")
        );
        let data = format!("stagedoor:\n  dataDir: '{}'\n", workshop.data.path().display());
        let open = "  ske: { allow: [{ group: '*', kinds: ['*'], access: write }] }";
        let changed = config
            .replace("ske:\n  kubernetes:", &section)
            .replace("stagedoor:\n", &data)
            .replace("  ske: {}", open);
        assert_ne!(changed, config);
        changed
    })
    .await;
    (place, workshop)
}

/// What our account has really done at the cluster to objects of the kind, by verb; a dry run does nothing.
fn verbs(place: &Place) -> Vec<String> {
    let asked = place.cluster.audit().mentioning(&place.account).into_iter();
    let ours =
        asked.filter(|entry| entry.user == place.account && entry.object["resource"] == place.kind.plural);
    let done = ours.filter(|entry| !entry.request_uri.contains("dryRun=All"));
    done.map(|entry| entry.verb).collect()
}

#[tokio::test]
async fn in_kubernetes_mode_the_repository_is_left_alone() {
    let (place, workshop) = in_mode("kubernetes").await;
    let written = place.write("mine", json!({ "size": "small" })).await.ok();
    assert_eq!(written["resourceId"], place.live("mine").await["metadata"]["uid"]);
    place.read("mine").await.ok();
    place.delete("mine").await.ok();
    assert!(workshop.server.met().is_empty());
    assert_eq!(workshop.remote.commits().len(), 1);
}

#[tokio::test]
async fn in_gitops_mode_no_cluster_is_asked() {
    let (place, workshop) = in_mode("gitops").await;
    let live = place.create("mine").await;
    assert_eq!(
        place.read("mine").await.refused().0,
        404,
        "the repository has none"
    );
    let written = place.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(written["commitsha"], workshop.remote.commits()[0].as_str());
    assert_eq!(place.read("mine").await.ok()["manifest"]["spec"]["size"], "large");
    assert_eq!(place.state("mine").await["state"], "unknown");
    let deleted = place.delete("mine").await.ok();
    assert_eq!(deleted["commitHash"], workshop.remote.commits()[0].as_str());
    assert_eq!(place.live("mine").await, live);
    let asked = place.cluster.audit().mentioning(&place.account);
    assert!(
        asked.iter().all(|entry| entry.user != place.account),
        "{asked:#?}"
    );
}

#[tokio::test]
async fn in_hybrid_mode_the_cluster_is_read_and_the_repository_written() {
    let (place, workshop) = in_mode("hybrid").await;
    let live = place.create("mine").await;
    let read = place.read("mine").await.ok();
    assert_eq!(read["manifest"]["metadata"]["uid"], live["metadata"]["uid"]);
    assert_eq!(place.state("mine").await["state"], "applying");
    let written = place.write("mine", json!({ "size": "large" })).await.ok();
    assert_eq!(written["commitsha"], workshop.remote.commits()[0].as_str());
    assert_eq!(place.read("mine").await.ok()["manifest"]["spec"]["size"], "small");
    let deleted = place.delete("mine").await.ok();
    assert_eq!(deleted["commitHash"], workshop.remote.commits()[0].as_str());
    assert_eq!(place.live("mine").await, live);
    assert!(
        verbs(&place).iter().all(|verb| verb == "get"),
        "{:?}",
        verbs(&place)
    );
}

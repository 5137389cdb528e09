//! Templates that ask the platform for something, run by the scaffolder of a real backend.

use serde_json::json;

use super::{
    document::Shape,
    people::GUEST,
    platform::{InCluster, InGit, manifest},
    running::Portal,
};

/// A Template writes to the repository and shows the commit.
pub(super) async fn into_git(shape: Shape) {
    let git = InGit::open().await;
    let portal = Portal::open(shape, &git).await;
    let values = json!({ "name": "orders", "namespace": "team", "size": "small" });
    let task = portal.run("database", values).await;
    let head = git.remote.git(&["rev-parse", "main"]);
    assert_eq!(task.output()["commitsha"], head.as_str());
    let file = "requests/team_database.marketplace.example.org_orders.yaml";
    assert!(
        git.remote.files().contains(&file.to_owned()),
        "{:?}",
        git.remote.files()
    );
    assert!(git.remote.show(file).contains("size: small"));
    let message = git.remote.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains(GUEST),
        "whoever asked stands in the commit: {message}"
    );
    let as_text = serde_json::to_string(&manifest("team", "orders", "large")).unwrap();
    let task = portal.run("configure", json!({ "manifest": as_text })).await;
    let changed = git.remote.git(&["rev-parse", "main"]);
    assert_ne!(changed, head);
    assert_eq!(task.output()["commitsha"], changed.as_str());
}

/// A Template writes to the cluster and shows the id of the object.
pub(super) async fn into_the_cluster(shape: Shape) {
    let platform = InCluster::open().await;
    let portal = Portal::open(shape, &platform).await;
    let values = json!({ "name": "orders", "namespace": platform.namespace, "size": "small" });
    let task = portal.run("database", values).await;
    let live = platform.live("orders").await;
    assert_eq!(live["spec"]["size"], "small");
    assert_eq!(task.output()["resourceId"], live["metadata"]["uid"]);
    let larger = manifest(&platform.namespace, "orders", "large");
    let task = portal.run("configure", json!({ "manifest": larger })).await;
    assert_eq!(task.output()["resourceId"], live["metadata"]["uid"]);
    assert_eq!(platform.live("orders").await["spec"]["size"], "large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_through_git_from_a_portal_with_stagedoor_alongside() {
    into_git(Shape::Alongside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_a_cluster_from_a_portal_with_stagedoor_alongside() {
    into_the_cluster(Shape::Alongside).await;
}

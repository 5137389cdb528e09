//! Templates that ask the platform for something, run by the scaffolder of a real backend.

use serde_json::json;

use super::{
    document::Shape,
    pending,
    people::GUEST,
    platform::{InCluster, InGit, manifest},
    running::Portal,
};

/// A Template writes to the repository, shows the commit and records what it did; the catalog shows what is recorded until
/// the repository has it, without anybody looking, and whoever asked is told.
pub(super) async fn into_git(shape: Shape) {
    let git = InGit::open().await;
    let soon = "ske: { pendingRequests: { refreshSeconds: 5 } }\nstagedoor: { ske: { pendingRequests: { notify: true } } }\n";
    let portal = Portal::configured(shape, &git, soon).await;
    let invoices = manifest("team", "invoices", "small");
    portal
        .run("announce", json!({ "manifest": invoices }))
        .await
        .output();
    let values = json!({ "name": "orders", "namespace": "team", "size": "small" });
    let task = portal.run("database", values).await;
    assert_eq!(task.finished(), 2);
    let head = git.remote.git(&["rev-parse", "main"]);
    assert_eq!(task.output()["text"][0]["content"], head.as_str());
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

    pending::is_shown(&portal, "team", "invoices").await;
    let file = "requests/team_database.marketplace.example.org_invoices.yaml";
    git.remote.push_file(file, &format!("{invoices}\n"));
    pending::is_gone(&portal, "team", "invoices").await;
    pending::is_gone(&portal, "team", "orders").await;
    pending::is_told(&portal, "Database invoices is there").await;
}

/// A Template writes to the cluster, shows the id of the object and records what it did; the catalog shows that until
/// somebody looks at the object.
pub(super) async fn into_the_cluster(shape: Shape) {
    let platform = InCluster::open().await;
    let namespace = platform.namespace.as_str();
    let by_itself_much_later = "ske: { pendingRequests: { refreshSeconds: 3600 } }\n";
    let portal = Portal::configured(shape, &platform, by_itself_much_later).await;
    let values = json!({ "name": "orders", "namespace": namespace, "size": "small" });
    let task = portal.run("database", values).await;
    assert_eq!(task.finished(), 2);
    let live = platform.live("orders").await;
    assert_eq!(live["spec"]["size"], "small");
    assert_eq!(task.output()["text"][0]["content"], live["metadata"]["uid"]);
    pending::is_shown(&portal, namespace, "orders").await;
    let page = format!(
        "/api/ske/resource?apiVersion=marketplace.example.org/v1&kind=Database&namespace={namespace}&name=orders"
    );
    assert_eq!(
        portal.get(&page).await["manifest"]["metadata"]["uid"],
        live["metadata"]["uid"]
    );
    let larger = manifest(namespace, "orders", "large");
    let task = portal.run("configure", json!({ "manifest": larger })).await;
    assert_eq!(task.output()["resourceId"], live["metadata"]["uid"]);
    assert_eq!(platform.live("orders").await["spec"]["size"], "large");
    pending::is_gone(&portal, namespace, "orders").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_through_git_from_a_portal_with_stagedoor_alongside() {
    into_git(Shape::Alongside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_asks_a_cluster_from_a_portal_with_stagedoor_alongside() {
    into_the_cluster(Shape::Alongside).await;
}

//! The server as such: its version, discovery, validation, and its record of what was asked.

use std::process::Command;

use serde_json::json;

use crate::support::kubernetes::{Cluster, Subject};

#[tokio::test]
async fn the_api_server_reports_the_release_its_module_names() {
    let module = include_str!("../../kubernetes/go.mod");
    let version = Cluster::shared().await.api().get("/version").await.ok();
    let version = version["gitVersion"].as_str().unwrap().to_owned();
    assert!(
        module.contains(&format!("k8s.io/kubernetes {version} ")),
        "{version}"
    );
}

#[tokio::test]
async fn an_installed_kind_is_found_by_discovery_and_its_promise_holds_its_definition() {
    let cluster = Cluster::shared().await;
    let kind = cluster.promise("Database").await;
    let found = cluster
        .api()
        .get(&format!("/apis/{}", kind.api_version()))
        .await
        .ok();
    assert_eq!(found["resources"][0]["kind"], "Database");
    assert_eq!(found["resources"][0]["namespaced"], true);
    let promise = cluster.api().get(&kind.promise_path()).await.ok();
    assert_eq!(promise["spec"]["api"]["spec"]["group"], kind.group.as_str());
    assert_eq!(promise["status"]["conditions"][0]["status"], "True");
    cluster.set_promise_available(&kind, false).await;
    let promise = cluster.api().get(&kind.promise_path()).await.ok();
    assert_eq!(promise["status"]["status"], "Unavailable");
}

#[tokio::test]
async fn a_request_that_breaks_its_schema_is_refused_field_by_field() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("schema").await;
    let kind = cluster.promise("Database").await;
    let wrong = json!({ "replicas": 0, "databaseName": "No!" });
    let answer = cluster
        .api()
        .create(&kind.path(&namespace), &kind.request("mine", wrong))
        .await;
    assert_eq!(answer.status, 422);
    for field in ["spec.size", "spec.replicas", "spec.databaseName"] {
        assert!(answer.message().contains(field), "{}", answer.message());
    }
}

#[tokio::test]
async fn an_unknown_field_of_the_spec_is_dropped_and_one_of_the_status_is_kept() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("fields").await;
    let kind = cluster.promise("Database").await;
    let request = kind.request("mine", json!({ "size": "small", "unknown": 1 }));
    let object = cluster.api().create(&kind.path(&namespace), &request).await.ok();
    assert_eq!(object["spec"], json!({ "size": "small", "backups": false }));
    let path = kind.object_path(&namespace, "mine");
    let status = json!({ "status": { "unknown": 1 } });
    let object = cluster.api().patch(&format!("{path}/status"), &status).await.ok();
    assert_eq!(object["status"]["unknown"], 1);
}

#[tokio::test]
async fn the_audit_log_tells_who_asked_and_as_whom() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("audit").await;
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/none");
    assert_eq!(
        cluster
            .api()
            .acting_as("jane", &["readers"])
            .get(&path)
            .await
            .status,
        403
    );
    assert_eq!(cluster.api().get(&path).await.status, 404);
    let enough = |entries: &[_]| entries.len() >= 3;
    let entries = cluster.audit().settled(&namespace, enough).await;
    let refused = entries.iter().find(|entry| entry.status == 403).unwrap();
    assert_eq!((refused.user.as_str(), refused.judged_as()), ("admin", "jane"));
    let absent = entries.iter().find(|entry| entry.status == 404).unwrap();
    assert_eq!((absent.judged_as(), absent.verb.as_str()), ("admin", "get"));
    assert_eq!(absent.request_uri, path);
    assert_eq!(absent.object["name"], "none");
}

#[tokio::test]
async fn the_server_is_reached_with_what_an_app_config_would_hold() {
    let cluster = Cluster::shared().await;
    assert_eq!(
        std::fs::read_to_string(cluster.ca_file()).unwrap(),
        cluster.ca_pem()
    );
    let mut base64 = Command::new("base64");
    let decoded = base64.arg("-w0").arg(cluster.ca_file()).output().unwrap();
    assert_eq!(String::from_utf8(decoded.stdout).unwrap(), cluster.ca_data());
    let admin = cluster.bearer(cluster.admin_token());
    assert_eq!(admin.get("/readyz").await.status, 200);
    assert!(cluster.issuer().url().starts_with("https://"));
    let groups = Subject::oidc_group("team-a");
    assert!(format!("{groups:?}").contains("oidc:team-a"));
}

//! A server of the test's own that goes away, comes back, halts, or shows a certificate of long ago.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::support::kubernetes::Cluster;

#[tokio::test]
async fn a_restarted_server_is_where_it_was_and_knows_what_it_knew() {
    let cluster = Cluster::own().await;
    let namespace = cluster.namespace("kept").await;
    let account = cluster.service_account(&namespace, "portal").await;
    let token = cluster.token(&account).await;
    let (url, path) = (cluster.url(), format!("/api/v1/namespaces/{namespace}"));
    cluster.stop();
    let refused = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(&url)
        .send()
        .await;
    assert!(refused.unwrap_err().is_connect());
    cluster.restart().await;
    assert_eq!(cluster.url(), url);
    assert_eq!(cluster.api().get(&path).await.status, 200);
    assert_eq!(cluster.bearer(&token).get("/api").await.status, 200);
    let known = cluster.bearer(&cluster.issuer().token("jane", &[]));
    assert_eq!(known.get("/api").await.status, 200);
    cluster.halt();
    assert!(
        timeout(Duration::from_millis(500), cluster.api().get(&path))
            .await
            .is_err()
    );
    cluster.go_on();
    assert_eq!(
        cluster.api().get(&path).await.body["metadata"]["name"],
        json!(namespace)
    );
}

#[tokio::test]
async fn an_expired_certificate_is_trusted_by_nobody_who_looks() {
    let cluster = Cluster::with_expired_certificate().await;
    assert_eq!(cluster.api().get("/readyz").await.status, 200);
    let authority = reqwest::Certificate::from_pem(cluster.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let problem = format!("{:?}", client.get(cluster.url()).send().await.unwrap_err());
    assert!(problem.contains("Expired"), "{problem}");
}

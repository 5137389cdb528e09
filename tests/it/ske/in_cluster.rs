//! In a pod: address, authority and token as Kubernetes mounts them, the token replaced while we run.

use std::fs;

use stagedoor::config::Environment;

use super::{
    clusters::{Readable, ambient, with_cluster},
    portal::{get, resource},
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, mounted::Mounted},
    kubernetes_fake::FakeKubernetes,
    log::Remembered,
};

const NO_TOKEN: &str = "authProvider: serviceAccount";

/// The environment of a pod in the cluster with this account mounted.
pub(super) fn pod(cluster: &Cluster, mounted: &Mounted) -> Environment {
    let port = cluster.port().to_string();
    let variables = [
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
        ("KUBERNETES_SERVICE_PORT", port.as_str()),
    ];
    Environment::from_pairs(variables).rooted_at(mounted.root())
}

#[tokio::test]
async fn a_pod_reads_as_its_own_account_and_follows_its_token() {
    let readable = Readable::in_shared("pod").await;
    let mut mounted = readable.cluster.mounted(&readable.account).await;
    assert_eq!(mounted.read("namespace"), readable.namespace);
    let before = mounted.read("token");
    let named = with_cluster("https://kubernetes.default.svc", NO_TOKEN);
    let (unnamed, named) = (
        TestApp::start_within(pod(&readable.cluster, &mounted), &ambient()).await,
        TestApp::start_within(pod(&readable.cluster, &mounted), &named).await,
    );
    readable.is_read_by(&unnamed).await;
    readable.is_read_by(&named).await;
    mounted.rotate().await;
    assert_ne!(mounted.read("token"), before);
    readable.is_read_by(&unnamed).await;
    readable.is_read_by(&named).await;
    unnamed.stop().await.unwrap();
    named.stop().await.unwrap();
}

#[tokio::test]
async fn the_account_of_the_pod_is_who_the_cluster_sees() {
    let readable = Readable::in_shared("pod-audit").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &ambient()).await;
    readable.is_read_by(&app).await;
    let checks = TestApp::check_within(pod(&readable.cluster, &mounted), &ambient()).await;
    let account = checks
        .into_iter()
        .find(|check| check.name == "SKE account")
        .unwrap();
    let expected = format!("signed in as {}", readable.account.user());
    assert_eq!(account.outcome, Ok(expected));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_pods_token_goes_to_no_other_cluster() {
    let readable = Readable::in_shared("pod-foreign").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let foreign = with_cluster("https://platform.example.com", NO_TOKEN);
    let problem = TestApp::fails_to_start(pod(&readable.cluster, &mounted), &foreign).await;
    for part in [
        "kubernetes.clusterLocatorMethods[0].clusters[0].serviceAccountToken is missing",
        "clusters[0].url is not the cluster this pod runs in",
        "set the token",
        "https://kubernetes.default.svc",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(!problem.contains(mounted.read("token").trim()));

    let fake = FakeKubernetes::start().await;
    let config = fake.app_config("configured-token", "{}");
    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &config).await;
    get(
        &app,
        STATIC_TOKEN,
        &resource(&FakeKubernetes::kind(), "default", "mine"),
    )
    .await
    .ok();
    for request in fake.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer configured-token"));
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_account_without_a_token_outside_a_pod_refuses_the_start() {
    let environment = Environment::from_pairs([("HOME", "/nowhere")]).rooted_at("/nowhere");
    let config = with_cluster("https://kubernetes.default.svc", NO_TOKEN);
    let problem = TestApp::fails_to_start(environment, &config).await;
    assert!(
        problem.contains("clusters[0].serviceAccountToken is missing"),
        "{problem}"
    );
    assert!(problem.contains("no pod with a service account"), "{problem}");
}

#[tokio::test]
async fn a_token_whose_variable_is_not_set_is_said_to_be_replaced_by_the_pods() {
    let readable = Readable::in_shared("pod-variable").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let entry = "authProvider: serviceAccount, serviceAccountToken: '${PLATFORM_TOKEN}'";
    let config = with_cluster("https://kubernetes.default.svc", entry);
    let (log, _listening) = Remembered::listen();
    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &config).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();
    let log = log.text();
    let line = log.lines().find(|line| line.contains("PLATFORM_TOKEN")).unwrap();
    assert!(
        line.contains("serviceAccountToken") && line.contains("the pod's own service account"),
        "{line}"
    );
}

#[tokio::test]
async fn a_pod_without_its_authority_refuses_the_start_and_a_vanished_token_is_a_502_that_says_so() {
    let readable = Readable::in_shared("pod-broken").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let folder = mounted
        .root()
        .join("var/run/secrets/kubernetes.io/serviceaccount");
    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &ambient()).await;
    readable.is_read_by(&app).await;
    for content in [Some("two\nlines"), None] {
        fs::remove_file(folder.join("token")).unwrap();
        if let Some(content) = content {
            fs::write(folder.join("token"), content).unwrap();
        }
        let (status, message) = get(&app, STATIC_TOKEN, &readable.path()).await.refused();
        assert!(
            status == 502 && message.contains("the token that Kubernetes mounts"),
            "{message}"
        );
    }
    app.stop().await.unwrap();

    let mounted = readable.cluster.mounted(&readable.account).await;
    let folder = mounted
        .root()
        .join("var/run/secrets/kubernetes.io/serviceaccount");
    fs::remove_file(folder.join("ca.crt")).unwrap();
    let problem = TestApp::fails_to_start(pod(&readable.cluster, &mounted), &ambient()).await;
    assert!(
        problem.contains("certificate authority Kubernetes mounts"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_token_that_the_cluster_takes_back_is_a_502_that_speaks_of_the_pod() {
    let readable = Readable::in_shared("pod-revoked").await;
    let mounted = readable.cluster.mounted(&readable.account).await;
    let token = mounted
        .root()
        .join("var/run/secrets/kubernetes.io/serviceaccount/token");
    fs::remove_file(&token).unwrap();
    fs::write(&token, "not-a-token").unwrap();

    let app = TestApp::start_within(pod(&readable.cluster, &mounted), &ambient()).await;
    let (status, message) = get(&app, STATIC_TOKEN, &readable.path()).await.refused();
    assert!(
        status == 502 && message.contains("the token that Kubernetes mounts into the pod"),
        "{message}"
    );
    app.stop().await.unwrap();
}

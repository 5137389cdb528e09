//! Every way a cluster can be configured, tried on a real API server.

use std::fs;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{StatusCode, header::AUTHORIZATION};
use serde_json::json;
use stagedoor::{infra::tasks::Tasks, plugins};

use super::portal::get;
use crate::support::{
    app::{STATIC_TOKEN, TestApp, backend_section},
    kubernetes::{Cluster, Rule, Subject, access::ServiceAccount},
    log::Remembered,
};

/// `stagedoor.ske` under which our account may read what `Readable` makes.
pub(super) const OPEN: &str = "timeout: 10s, allow: [{ group: core, kinds: [ConfigMap], access: read }]";

/// An object of its own namespace that one account may read.
pub(super) struct Readable {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    pub(super) account: ServiceAccount,
}

impl Readable {
    pub(super) async fn in_shared(name: &str) -> Self {
        Self::in_cluster(Cluster::shared().await, name).await
    }

    pub(super) async fn in_cluster(cluster: Cluster, name: &str) -> Self {
        let namespace = cluster.namespace(name).await;
        let account = cluster.service_account(&namespace, "portal").await;
        let object = json!({ "metadata": { "name": "settings" }, "data": { "of": name } });
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        cluster.api().create(&path, &object).await.ok();
        let readable = Self {
            cluster,
            namespace,
            account,
        };
        readable.let_read(&readable.account.subject()).await;
        readable
    }

    pub(super) async fn let_read(&self, subject: &Subject) {
        let rule = Rule::on("", &["configmaps"])
            .verbs(&["get"])
            .within(&self.namespace);
        self.cluster.allow(subject, &rule).await;
    }

    pub(super) async fn token(&self) -> String {
        self.cluster.token(&self.account).await
    }

    /// The portal's path to the object.
    pub(super) fn path(&self) -> String {
        let namespace = &self.namespace;
        format!("/api/ske/resource?name=settings&kind=ConfigMap&apiVersion=v1&namespace={namespace}")
    }

    /// Expects that the object can be read.
    pub(super) async fn is_read_by(&self, app: &TestApp) {
        let read = get(app, STATIC_TOKEN, &self.path()).await.ok();
        assert_eq!(read["manifest"]["metadata"]["namespace"], self.namespace.as_str());
    }

    /// Starts with this entry of the cluster and expects that the object can be read.
    async fn is_read_with(&self, entry: &str) {
        let app = TestApp::start(&with_cluster(&self.cluster.url(), entry)).await;
        self.is_read_by(&app).await;
        app.stop().await.unwrap();
    }

    /// Starts with this entry of the cluster and returns the status and message of a read.
    async fn is_refused_with(&self, url: &str, entry: &str) -> (u16, String) {
        let app = TestApp::start(&with_cluster(url, entry)).await;
        let refused = get(&app, STATIC_TOKEN, &self.path()).await.refused();
        app.stop().await.unwrap();
        refused
    }
}

/// An app-config with one cluster; the entry's further fields are in flow style.
pub(super) fn with_cluster(url: &str, entry: &str) -> String {
    format!(
        "{}ske: {{ kubernetes: {{ platformName: platform }} }}\n\
         kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        \
         - {{ name: platform, url: '{url}', {entry} }}\n\
         stagedoor: {{ ske: {{ {OPEN} }} }}\n",
        backend_section()
    )
}

/// An app-config that leaves the cluster to what is around the process.
pub(super) fn ambient() -> String {
    format!(
        "{}ske: {{}}\nstagedoor: {{ ske: {{ {OPEN} }} }}\n",
        backend_section()
    )
}

fn another_authority() -> String {
    rcgen::generate_simple_self_signed(["another.test".to_owned()])
        .unwrap()
        .cert
        .pem()
}

#[tokio::test]
async fn an_account_of_ours_is_used_with_the_authority_as_data_or_as_a_file() {
    let readable = Readable::in_shared("authority").await;
    let account = format!(
        "authProvider: serviceAccount, serviceAccountToken: {}",
        readable.token().await
    );
    let (data, file) = (readable.cluster.ca_data(), readable.cluster.ca_file());
    readable.is_read_with(&format!("{account}, caData: {data}")).await;
    readable
        .is_read_with(&format!("{account}, caFile: '{}'", file.display()))
        .await;
    let another = STANDARD.encode(another_authority());
    readable
        .is_read_with(&format!(
            "{account}, caFile: '{}', caData: {another}",
            file.display()
        ))
        .await;
}

#[tokio::test]
async fn a_certificate_of_no_named_authority_is_a_502_that_says_where_to_name_it() {
    let readable = Readable::in_shared("distrust").await;
    let account = "authProvider: serviceAccount, serviceAccountToken: some-token";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("another.pem");
    fs::write(&file, another_authority()).unwrap();
    let data = readable.cluster.ca_data();
    let url = readable.cluster.url();
    for trust in [
        String::new(),
        format!(", caFile: '{}', caData: {data}", file.display()),
    ] {
        let (status, message) = readable.is_refused_with(&url, &format!("{account}{trust}")).await;
        assert_eq!(status, 502);
        for part in [
            "'platform'",
            "caData or caFile",
            "kubernetes.clusterLocatorMethods",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
    let elsewhere = url.replace("127.0.0.1", "127.0.0.2");
    let (status, message) = readable
        .is_refused_with(&elsewhere, &format!("{account}, caData: {data}"))
        .await;
    // Where the server does not listen on it, the name in its certificate is not seen.
    assert!(
        status == 502 && message.contains("cannot be reached"),
        "{message}"
    );
}

#[tokio::test]
async fn a_cluster_whose_certificate_is_not_checked_works_and_is_warned_of_once() {
    let readable = Readable::in_shared("unchecked").await;
    let entry = format!(
        "authProvider: serviceAccount, serviceAccountToken: {}, skipTLSVerify: true",
        readable.token().await
    );
    let (log, _listening) = Remembered::listen();
    let app = TestApp::start(&with_cluster(&readable.cluster.url(), &entry)).await;
    readable.is_read_by(&app).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();
    let warnings = log.text().matches("skipTLSVerify is true").count();
    assert_eq!(warnings, 1);
}

#[tokio::test]
async fn a_token_that_the_cluster_does_not_know_is_a_502_that_names_its_key() {
    let readable = Readable::in_shared("wrong-token").await;
    let entry = format!(
        "authProvider: serviceAccount, serviceAccountToken: not-a-token, caData: {}",
        readable.cluster.ca_data()
    );
    let (status, message) = readable.is_refused_with(&readable.cluster.url(), &entry).await;
    assert!(
        status == 502 && message.contains("serviceAccountToken"),
        "{message}"
    );
    assert!(!message.contains("not-a-token"), "{message}");
}

/// What `kubectl proxy` is: plain http here, the account's credential there.
#[derive(Clone)]
struct Proxy {
    url: String,
    token: String,
    client: reqwest::Client,
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        return (StatusCode::BAD_REQUEST, "no credential was expected").into_response();
    }
    let url = format!("{}{}", proxy.url, request.uri());
    let answer = proxy
        .client
        .get(url)
        .bearer_auth(&proxy.token)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}

#[tokio::test]
async fn a_proxy_of_kubectl_is_used_without_any_credential_of_ours() {
    let readable = Readable::in_shared("kubectl-proxy").await;
    let authority = reqwest::Certificate::from_pem(readable.cluster.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
    let proxy = Proxy {
        url: readable.cluster.url(),
        token: readable.token().await,
        client: client.build().unwrap(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(forward).with_state(proxy);
    Tasks::default().spawn(async move { axum::serve(listener, router).await.unwrap() });
    let app = TestApp::start(&with_cluster(&url, "authProvider: localKubectlProxy")).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();

    let proxy = "authProvider: localKubectlProxy";
    let (status, message) = readable.is_refused_with("http://127.0.0.1:9", proxy).await;
    assert!(
        status == 502 && message.contains("check that kubectl proxy runs"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_cluster_refuses_the_start_and_names_the_key() {
    let place = "kubernetes.clusterLocatorMethods[0].clusters[0]";
    let url = "https://127.0.0.1:6443";
    let account = "authProvider: serviceAccount, serviceAccountToken: canary-token";
    let named = with_cluster(url, account).replace("platformName: platform", "platformName: nowhere");
    for (config, key, says) in [
        (
            named,
            "ske.kubernetes.platformName".to_owned(),
            "found 'platform'",
        ),
        (
            with_cluster(url, "authProvider: aws"),
            format!("{place}.authProvider"),
            "'aws'",
        ),
        (
            with_cluster(url, &format!("{account}, caData: '???'")),
            format!("{place}.caData"),
            "base64",
        ),
        (
            with_cluster(url, &format!("{account}, caFile: /nowhere/ca.pem")),
            format!("{place}.caFile"),
            "cannot be read",
        ),
        (
            with_cluster("http://10.0.0.1", account),
            format!("{place}.url"),
            "https",
        ),
    ] {
        let problems = TestApp::refused(&config, plugins::register).await.join("\n");
        assert!(problems.contains(&key) && problems.contains(says), "{problems}");
        assert!(!problems.contains("canary"), "{problems}");
    }
}

#[tokio::test]
async fn whatever_is_skipped_is_said_once_at_the_start() {
    let readable = Readable::in_shared("notices").await;
    let entry = format!(
        "authProvider: serviceAccount, serviceAccountToken: {}, caData: {}",
        readable.token().await,
        readable.cluster.ca_data()
    );
    let config = with_cluster(&readable.cluster.url(), &entry)
        .replace(
            "clusterLocatorMethods:\n",
            "clusterLocatorMethods:\n    - type: gke\n",
        )
        .replace(
            "ske: { kubernetes:",
            "ske: { scm: { repoUrl: 'https://git.example.com/a/b' }, kubernetes:",
        );
    let (log, _listening) = Remembered::listen();
    let app = TestApp::start(&config).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();
    let log = log.text();
    for notice in ["locators of type 'gke' are not read", "ske.scm is ignored"] {
        assert_eq!(log.matches(notice).count(), 1, "{notice}");
    }
}

//! Without a configured cluster: the one a local kubeconfig names.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use stagedoor::config::Environment;

use super::{
    clusters::{Readable, ambient},
    portal::get,
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, Subject},
    log::Remembered,
};

/// A kubeconfig for the cluster with this user.
fn kubeconfig(cluster: &Cluster, user: &serde_json::Value) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{ "name": "here", "context": { "cluster": "the-cluster", "user": "the-user" } }],
        "clusters": [{ "name": "the-cluster", "cluster": {
            "server": cluster.url(), "certificate-authority-data": cluster.ca_data(),
        }}],
        "users": [{ "name": "the-user", "user": user }],
    })
    .to_string()
}

/// Starts with this kubeconfig around the process and expects that the object can be read.
async fn is_read_from(readable: &Readable, folder: &Path, user: &serde_json::Value) {
    let file = folder.join("kubeconfig");
    fs::write(&file, kubeconfig(&readable.cluster, user)).unwrap();
    let environment = Environment::from_pairs([("KUBECONFIG", file.to_str().unwrap())]);
    let app = TestApp::start_within(environment, &ambient()).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();
}

/// Once with the token in the file, once with the helper that prints it; the kubeconfig stays in the folder.
pub(super) async fn is_read_with_token_and_helper(readable: &Readable, folder: &Path, token: &str) {
    is_read_from(readable, folder, &json!({ "token": token })).await;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token },
    });
    let helper = folder.join("helper");
    fs::write(&helper, format!("#!/bin/sh\ncat <<'END'\n{credential}\nEND\n")).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
    let user = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": helper, "interactiveMode": "Never",
    }});
    is_read_from(readable, folder, &user).await;
}

#[tokio::test]
async fn a_local_kubeconfig_is_used_with_a_token_and_with_the_helper_that_prints_one() {
    let readable = Readable::in_shared("kubeconfig").await;
    let folder = tempfile::tempdir().unwrap();
    is_read_with_token_and_helper(&readable, folder.path(), &readable.token().await).await;
}

#[tokio::test]
async fn a_local_kubeconfig_is_used_with_a_client_certificate_inline_or_in_files_beside_it() {
    let readable = Readable::in_shared("certificate").await;
    let name = format!("developer-of-{}", readable.namespace);
    readable.let_read(&Subject::User(name.clone())).await;
    let (certificate, key) = readable.cluster.client_certificate(&name, &[]);
    let folder = tempfile::tempdir().unwrap();
    let inline = json!({
        "client-certificate-data": STANDARD.encode(&certificate), "client-key-data": STANDARD.encode(&key),
    });
    is_read_from(&readable, folder.path(), &inline).await;
    fs::write(folder.path().join("client.pem"), certificate).unwrap();
    fs::write(folder.path().join("client-key.pem"), key).unwrap();
    let beside = json!({ "client-certificate": "client.pem", "client-key": "client-key.pem" });
    is_read_from(&readable, folder.path(), &beside).await;
}

#[tokio::test]
async fn the_kubeconfig_in_the_home_folder_is_found() {
    let readable = Readable::in_shared("home").await;
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".kube")).unwrap();
    let user = json!({ "token": readable.token().await });
    fs::write(
        home.path().join(".kube/config"),
        kubeconfig(&readable.cluster, &user),
    )
    .unwrap();
    let environment = Environment::from_pairs([("HOME", home.path().to_str().unwrap())]);
    let app = TestApp::start_within(environment, &ambient()).await;
    readable.is_read_by(&app).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_without_any_cluster_names_the_key_that_would_name_one() {
    let environment = Environment::from_pairs([("HOME", "/nowhere")]).rooted_at("/nowhere");
    let problem = TestApp::fails_to_start(environment, &ambient()).await;
    for part in ["no pod", "no kubeconfig", "ske.kubernetes.platformName"] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_named_and_nothing_of_it_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let environment = || Environment::from_pairs([("KUBECONFIG", file.to_str().unwrap())]);
    let helper = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh",
        "args": ["-c", "echo canary-of-the-helper; exit 1"], "interactiveMode": "Never" } });
    let cluster = Cluster::shared().await;
    let broken = [
        "current-context: nowhere\nusers: [{ name: a, user: { token: canary-token } }]\n".to_owned(),
        "users: { token: canary-token }".to_owned(),
        kubeconfig(
            &cluster,
            &json!({ "client-certificate-data": "canary", "client-key-data": "canary" }),
        ),
        kubeconfig(&cluster, &helper),
        kubeconfig(
            &cluster,
            &json!({ "token": "canary-token", "as": "somebody-else" }),
        ),
        kubeconfig(
            &cluster,
            &json!({ "token": "canary-token", "as-groups": ["readers"] }),
        ),
        kubeconfig(&cluster, &json!({ "token": "canary-token" }))
            .replace(&cluster.url(), "http://platform.example.com"),
    ];
    for text in broken {
        fs::write(&file, text).unwrap();
        let problem = TestApp::fails_to_start(environment(), &ambient()).await;
        assert!(
            problem.contains("kubeconfig") && !problem.contains("canary"),
            "{problem}"
        );
    }
}

/// The helper's token is over at once, so it is asked again for the next call, and then it fails.
#[tokio::test]
async fn a_helper_that_fails_later_is_our_own_trouble_and_nothing_it_says_is_repeated() {
    let readable = Readable::in_shared("helper").await;
    let folder = tempfile::tempdir().unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": { "token": readable.token().await, "expirationTimestamp": "2020-01-01T00:00:00Z" },
    });
    let script = "test -e failing && { echo canary-output; echo canary-error >&2; exit 1; }\ntouch failing";
    let helper = folder.path().join("helper");
    fs::write(
        &helper,
        format!(
            "#!/bin/sh\ncd '{}'\n{script}\ncat <<'END'\n{credential}\nEND\n",
            folder.path().display()
        ),
    )
    .unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
    let user = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": helper, "interactiveMode": "Never",
        "args": ["canary-argument"],
    }});
    let file = folder.path().join("kubeconfig");
    fs::write(&file, kubeconfig(&readable.cluster, &user)).unwrap();
    let (log, _listening) = Remembered::listen();
    let environment = Environment::from_pairs([("KUBECONFIG", file.to_str().unwrap())]);
    let app = TestApp::start_within(environment, &ambient()).await;
    let (status, message) = get(&app, STATIC_TOKEN, &readable.path()).await.refused();
    assert_eq!(status, 502, "{message}");
    assert!(
        message.contains("credential") && !message.contains("canary"),
        "{message}"
    );
    assert!(!log.text().contains("canary"), "{}", log.text());
    app.stop().await.unwrap();
}

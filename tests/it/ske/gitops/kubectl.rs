//! `kubectl`, with nobody's configuration.

use std::{
    path::Path,
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::kubernetes::Cluster;

/// Where it keeps what it remembers of clusters.
static HOME: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// Runs it; without a cluster unless the arguments name a kubeconfig.
pub(super) fn kubectl(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("kubectl")
        .args(arguments)
        .current_dir(folder)
        .env("HOME", HOME.path())
        .env("KUBECONFIG", "/dev/null")
        .output();
    output.unwrap_or_else(|error| {
        panic!(
            "kubectl could not be started ({error}). Install it with `apt-get install -y kubernetes-client`"
        )
    })
}

/// As `kubectl`, for what must succeed; returns its output.
#[track_caller]
pub(super) fn must(folder: &Path, arguments: &[&str]) -> String {
    let output = kubectl(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of a folder, as Kubernetes' own reader reads them, without a cluster.
#[track_caller]
pub(super) fn read(folder: &Path) -> Vec<Value> {
    let label = [
        "label",
        "--local",
        "--recursive",
        "-o",
        "json",
        "-f",
        ".",
        "read-by=kubectl",
    ];
    let printed = must(folder, &label);
    let objects = serde_json::Deserializer::from_str(&printed).into_iter();
    let mut objects: Vec<Value> = objects.map(Result::unwrap).collect();
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.shift_remove("labels");
    }
    objects
}

/// A kubeconfig of the cluster's administrator in the folder; returns its name.
pub(super) fn kubeconfig(folder: &Path, cluster: &Cluster) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "admin" } }],
        "clusters": [{ "name": "here", "cluster": {
            "server": cluster.url(), "certificate-authority-data": cluster.ca_data(),
        }}],
        "users": [{ "name": "admin", "user": { "token": cluster.admin_token() } }],
    });
    let file = folder.join("kubeconfig");
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

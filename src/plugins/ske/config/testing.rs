//! What the unit tests of the configuration share.

use super::{ClusterChoice, Config, ConfiguredCluster};
use crate::config::{ConfigReader, Environment, Layer, LoadOptions, Value, from_json, load};

/// A reader over app-config written as JSON.
pub(super) fn reader(json: &serde_json::Value) -> ConfigReader {
    let Value::Object(data) = from_json(json.clone()) else {
        panic!("not a mapping")
    };
    ConfigReader::new(vec![Layer {
        context: "app-config.yaml".into(),
        data,
    }])
}

/// The configuration, or its problems as text.
pub(super) fn read(json: &serde_json::Value) -> Result<Config, Vec<String>> {
    Config::read(&reader(json)).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The problems of a configuration that must have some.
#[track_caller]
pub(super) fn problems(json: &serde_json::Value) -> Vec<String> {
    match read(json) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(problems) => problems,
    }
}

/// The clusters of one locator of type `config`, with the first one chosen.
pub(super) fn with_clusters(clusters: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "ske": {"kubernetes": {"platformName": "platform"}},
        "kubernetes": {"clusterLocatorMethods": [{"type": "config", "clusters": clusters}]},
    })
}

/// The platform cluster with these fields besides its name and address, and whatever was said about it.
#[track_caller]
pub(super) fn cluster(fields: &serde_json::Value) -> (ConfiguredCluster, Vec<String>) {
    let config = read(&with_clusters(&serde_json::json!([with_name(fields)]))).unwrap();
    match config.cluster {
        ClusterChoice::Configured(cluster) => (cluster, config.notices),
        other => panic!("{other:?}"),
    }
}

/// The problems of a platform cluster with these fields besides its name and address.
#[track_caller]
pub(super) fn cluster_problems(fields: &serde_json::Value) -> Vec<String> {
    problems(&with_clusters(&serde_json::json!([with_name(fields)])))
}

fn with_name(fields: &serde_json::Value) -> serde_json::Value {
    let mut cluster = serde_json::json!({"name": "platform", "url": "https://k8s.example.com"});
    let whole = cluster.as_object_mut().unwrap();
    whole.extend(fields.as_object().unwrap().clone());
    cluster
}

/// A certificate authority in PEM.
pub(super) fn authority() -> String {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
        .unwrap()
        .cert
        .pem()
}

/// A reader over a file of app-config, with the variables that are set.
pub(super) async fn loaded(yaml: &str, variables: &[(&str, &str)]) -> ConfigReader {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app-config.yaml"), yaml).unwrap();
    let options = LoadOptions {
        targets: vec!["app-config.yaml".to_owned()],
        root_dir: folder.path().to_owned(),
        working_dir: folder.path().to_owned(),
        environment: Environment::from_pairs(variables.iter().copied()),
        remote: None,
    };
    load(&options).await.unwrap().into_reader()
}

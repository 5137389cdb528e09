//! What reads the repository after us: kustomize as Flux runs it, plain `kubectl`, an API server, and readers of YAML.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use super::{
    kubectl,
    place::{Depot, TEAM, document, holding},
};
use crate::{
    ske::portal::manifest,
    support::{git::remote::WorkingCopy, kubernetes::Cluster, python},
};

/// Texts that some reader takes for something else, or that look like the end of something.
const TEXTS: [&str; 32] = [
    "on",
    "off",
    "yes",
    "no",
    "y",
    "n",
    "true",
    "null",
    "~",
    "",
    " ",
    "014",
    "0o14",
    "0x1F",
    "1e3",
    "1_000",
    "12:30",
    "2026-01-31",
    ".inf",
    "<<",
    "=",
    "---",
    "...",
    "--- a",
    "- a",
    "a: b",
    "# a",
    "%a",
    "@a",
    "a\n---\nb: c\n",
    "a\n...\nb\n",
    "tab\tand\u{a0}blank ",
];

/// A spec with all of them, as values and as keys.
fn spec() -> Value {
    let keys: serde_json::Map<String, Value> = TEXTS
        .iter()
        .filter(|text| !text.contains('\n') && !["", "<<", "="].contains(text))
        .map(|text| ((*text).to_owned(), json!(text)))
        .collect();
    json!({
        "size": "on", "texts": TEXTS, "keys": keys, "numbers": [0, -1, 1.5, 1_000_000], "flags": [true, false, null],
        "empty": { "list": [], "map": {} }, "lines": "one\n  two\n\nthree", "long": "word ".repeat(100),
        "odd": "\u{feff}\u{2028}\u{1f600} ünï\u{0301}",
    })
}

/// Writes some objects, one of them into a file that a person wrote, and returns them by name.
async fn written(depot: &Depot) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (namespace, name) in [(TEAM, "mine"), (TEAM, "by-hand"), ("other", "mine")] {
        let body = manifest(&depot.kind, namespace, name, spec());
        depot.configure(&body).await.ok();
        all.insert(format!("{namespace}/{name}"), body["manifest"].clone());
    }
    // Written, updated and deleted again: what is left must be as good.
    for name in ["gone", "first"] {
        depot.write(name, spec()).await.ok();
        depot.delete(name).await.ok();
    }
    all
}

async fn depot(layout: &str) -> Depot {
    let two = format!(
        "# by hand\n{}---\n{}",
        document("first", "small"),
        document("by-hand", "small")
    );
    let workshop = holding(&[("requests/hand/made.yaml", &two)]).await;
    Depot::behind(workshop, &format!("{{ layout: {layout} }}"), str::to_owned).await
}

/// The objects by namespace and name.
fn by_name(objects: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let named = |object: Value| {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        (format!("{}/{}", text("namespace"), text("name")), object)
    };
    objects.into_iter().map(named).collect()
}

/// Every YAML file below the folder, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let listed = crate::support::git::remote::must(folder, &["ls-files", "."]);
    listed
        .lines()
        .filter(|file| file.ends_with(".yaml"))
        .map(str::to_owned)
        .collect()
}

fn requests(clone: &WorkingCopy) -> std::path::PathBuf {
    clone.work().join("requests")
}

#[tokio::test]
async fn kustomize_builds_what_we_wrote_as_flux_does() {
    for layout in ["flat", "nested"] {
        let depot = depot(layout).await;
        let expected = written(&depot).await;
        let clone = depot.remote.working_copy();
        let folder = requests(&clone);
        // As Flux makes it where there is none: all files, however deep.
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": files(&folder),
        });
        fs::write(folder.join("kustomization.yaml"), kustomization.to_string()).unwrap();
        let built = kubectl::must(&folder, &["kustomize", "."]);
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("built.yaml"), built).unwrap();
        same(&by_name(kubectl::read(out.path())), &expected);
    }
}

/// Compared field by field, so that a difference can be seen.
#[track_caller]
fn same(read: &BTreeMap<String, Value>, written: &BTreeMap<String, Value>) {
    assert_eq!(
        read.keys().collect::<Vec<_>>(),
        written.keys().collect::<Vec<_>>()
    );
    for (name, object) in written {
        for (field, value) in object["spec"].as_object().unwrap() {
            assert_eq!(&read[name]["spec"][field], value, "{name}: {field}");
        }
        assert_eq!(&read[name], object);
    }
}

#[tokio::test]
async fn the_reader_of_kubernetes_reads_what_was_meant() {
    for layout in ["flat", "nested"] {
        let depot = depot(layout).await;
        let expected = written(&depot).await;
        let clone = depot.remote.working_copy();
        same(&by_name(kubectl::read(&requests(&clone))), &expected);
    }
}

#[tokio::test]
async fn a_real_api_server_takes_what_we_wrote_from_kubectl() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("consumers").await;
    let kind = cluster.promise("Database").await;
    for layout in ["flat", "nested"] {
        let mut depot = Depot::behind(
            holding(&[]).await,
            &format!("{{ layout: {layout} }}"),
            str::to_owned,
        )
        .await;
        depot.kind = kind.clone();
        for (name, settings) in [
            ("mine", json!({ "tls": "on", "port": "014" })),
            ("yours", json!({ "y": "n" })),
        ] {
            let spec = json!({ "size": "small", "settings": settings, "tags": TEXTS });
            depot.write_in(&namespace, name, spec).await.ok();
        }
        let clone = depot.remote.working_copy();
        let config = kubectl::kubeconfig(&clone.work(), &cluster);
        let config = format!("--kubeconfig={config}");
        let folder = requests(&clone);
        let create = ["create", "-R", "-f", ".", "-o", "json", &config];
        let client = kubectl::must(
            &folder,
            &[&create[..], &["--dry-run=client", "--validate=false"]].concat(),
        );
        assert_eq!(client.matches("\"tls\": \"on\"").count(), 1, "{client}");
        let server = kubectl::must(&folder, &[&create[..], &["--dry-run=server"]].concat());
        assert!(
            server.contains("\"port\": \"014\"") && server.contains("\"y\": \"n\""),
            "{server}"
        );
    }
}

#[tokio::test]
async fn a_size_of_on_stays_the_text_on_for_every_reader() {
    let depot = Depot::open().await;
    depot.write("mine", json!({ "size": "on" })).await.ok();
    let clone = depot.remote.working_copy();
    let text = fs::read_to_string(requests(&clone).join("team_database.example.org_mine.yaml")).unwrap();
    let python = python::ask("read-yaml.py", &json!([text]));
    assert_eq!(python[0]["spec"]["size"], "on", "{text}");
    assert_eq!(
        kubectl::read(&requests(&clone))[0]["spec"]["size"],
        "on",
        "{text}"
    );
    assert_eq!(Depot::spec_of(depot.read("mine").await)["size"], "on");
    // Without its quotes it would be another value, so the readers can tell.
    fs::write(
        requests(&clone).join("team_database.example.org_mine.yaml"),
        text.replace(['"', '\''], ""),
    )
    .unwrap();
    assert_eq!(kubectl::read(&requests(&clone))[0]["spec"]["size"], true);
}

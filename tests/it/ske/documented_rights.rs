//! The rights in `docs/KUBERNETES.md` are enough, applied as they stand there.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::portal::{Backstage, get, manifest, post, resource};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    kubernetes::{Cluster, RequestKind, access::ServiceAccount},
};

/// The group that stands in the document for those of one's own Promises.
const GROUP: &str = "marketplace.kratix.io";

fn document() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KUBERNETES.md");
    fs::read_to_string(file).unwrap()
}

/// The YAML block that begins with these words.
fn block(beginning: &str) -> String {
    let document = document();
    let mut blocks = document
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let found = blocks.find(|block| block.starts_with(beginning));
    found
        .unwrap_or_else(|| panic!("no block begins with {beginning}"))
        .to_owned()
}

/// Creates every object of the block, with the group of a kind that is there.
async fn apply(cluster: &Cluster, beginning: &str, kind: &RequestKind) {
    for text in block(beginning).replace(GROUP, &kind.group).split("\n---\n") {
        let object: Value = serde_saphyr::from_str(text).unwrap();
        let collection = match object["kind"].as_str().unwrap() {
            "Namespace" => "/api/v1/namespaces".to_owned(),
            "ServiceAccount" => format!(
                "/api/v1/namespaces/{}/serviceaccounts",
                object["metadata"]["namespace"].as_str().unwrap()
            ),
            kind => format!("/apis/rbac.authorization.k8s.io/v1/{}s", kind.to_lowercase()),
        };
        cluster.api().create(&collection, &object).await.ok();
    }
}

/// What `check` says of SKE, until all of it is well: the cluster acts on a role some milliseconds later.
async fn well(config: &str) -> Vec<String> {
    let mut failed = String::new();
    for _ in 0..100 {
        let checks = TestApp::check(config).await;
        let ours: Vec<_> = checks
            .into_iter()
            .filter(|check| check.name.starts_with("SKE"))
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        match ours.iter().find(|check| check.outcome.is_err()) {
            Some(check) => failed = format!("{check:?}"),
            None => return ours.into_iter().map(|check| check.outcome.unwrap()).collect(),
        }
    }
    panic!("{failed}");
}

#[tokio::test]
async fn the_documented_rights_are_enough_for_the_account_and_for_people_it_speaks_for() {
    let cluster = Cluster::own().await;
    let kind = cluster.promise("Database").await;
    apply(&cluster, "# rights of the account", &kind).await;
    let account = ServiceAccount {
        namespace: "stagedoor".to_owned(),
        name: "stagedoor".to_owned(),
    };
    let token = cluster.token(&account).await;
    let entry = format!("authProvider: serviceAccount\n          serviceAccountToken: {token}");
    let backstage = Backstage::start().await;

    let own = backstage.app_config(&cluster, &entry, "{}");
    assert_eq!(well(&own).await[2], "1 may be read, they offer 1 kinds");
    let app = TestApp::start(&own).await;
    whole_life(&app, STATIC_TOKEN, &kind).await;
    app.stop().await.unwrap();

    apply(&cluster, "# rights to speak for users", &kind).await;
    apply(&cluster, "# rights of the people", &kind).await;
    let section: Value = serde_saphyr::from_str(&block("stagedoor:")).unwrap();
    let ours = section["stagedoor"]["ske"].to_string();
    let direct = "  actions: { writeCallers: [direct] }\n";
    let speaking = format!("{}{direct}", backstage.app_config(&cluster, &entry, &ours));
    let said = well(&speaking).await;
    assert_eq!(
        said[3],
        "the account may speak for 'backstage:default/guest', 'backstage:users'"
    );
    let app = TestApp::start(&speaking).await;
    whole_life(&app, &backstage.user("jane", json!({})), &kind).await;
    app.stop().await.unwrap();
}

/// Reads the Promise; creates, reads, updates and deletes one object.
async fn whole_life(app: &TestApp, token: &str, kind: &RequestKind) {
    let promise = format!(
        "/api/ske/resource?apiVersion=platform.kratix.io/v1alpha1&kind=Promise&name={}",
        kind.promise
    );
    get(app, token, &promise).await.ok();
    for size in ["small", "large"] {
        let body = manifest(kind, "default", "mine", json!({ "size": size }));
        post(app, token, "/api/ske/configure-resource", &body).await.ok();
        let read = get(app, token, &resource(kind, "default", "mine")).await.ok();
        assert_eq!(read["manifest"]["spec"]["size"], size);
    }
    let body = super::portal::named(kind, "default", "mine");
    post(app, token, "/api/ske/delete-resource", &body).await.ok();
}

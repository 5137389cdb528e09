//! What may be touched through an account that may do everything: only what the operator or a Promise opened.

use serde_json::{Value, json};

use super::{
    place::{CONFIGURE, DELETE, Place, until},
    portal::{Said, get, post},
};
use crate::support::kubernetes::audit::Entry;

/// Things a guest has no business with: `apiVersion`, `kind`, and what else a valid one has.
const FORBIDDEN: [(&str, &str); 22] = [
    ("v1", "Secret"),
    ("v1", "secret"),
    ("v1", "SECRET"),
    ("v1", "Secrets"),
    ("v1", "secrets"),
    ("v1", "SecretList"),
    ("v1", "List"),
    ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "Pod"),
    ("v1", "PodExecOptions"),
    ("v1", "Binding"),
    ("authentication.k8s.io/v1", "TokenReview"),
    ("authentication.k8s.io/v1", "TokenRequest"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ("apps/v1", "Deployment"),
];

pub(super) const KRATIX: &str = "platform.kratix.io/v1alpha1";

/// Reads, writes and deletes as the guest who is signed in.
pub(super) async fn tries(
    place: &Place,
    api_version: &str,
    kind: &str,
    name: &str,
) -> [(&'static str, Said); 4] {
    let (app, guest, namespace) = (&place.app, place.guest(), &place.namespace);
    let query = format!("apiVersion={api_version}&kind={kind}&name={name}&namespace={namespace}");
    let object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": namespace },
        "stringData": { "password": "guessed" },
    });
    let body = json!({ "manifest": object });
    let named = json!({ "apiVersion": api_version, "kind": kind, "name": name, "namespace": namespace });
    [
        (
            "read",
            get(app, &guest, &format!("/api/ske/resource?{query}")).await,
        ),
        (
            "state",
            get(app, &guest, &format!("/api/ske/resource/state?{query}")).await,
        ),
        (
            "configure",
            post(app, &place.guests_template(), CONFIGURE, &body).await,
        ),
        ("delete", post(app, &guest, DELETE, &named).await),
    ]
}

/// Requests of our account that are about an object and not one of the kind the guest may touch.
async fn about_other_objects(place: &Place) -> Vec<Entry> {
    let mut asked = place.asked().await;
    let ours = |entry: &Entry| entry.object["apiGroup"] == place.kind.group.as_str();
    let promises = |entry: &Entry| entry.verb == "list" && entry.object["resource"] == "promises";
    asked.retain(|entry| !entry.object.is_null() && !ours(entry) && !promises(entry));
    asked
}

#[tokio::test]
async fn a_signed_in_guest_reaches_nothing_but_what_promises_offer() {
    let place = Place::open().await;
    place.create("mine").await;
    let secrets = format!("/api/v1/namespaces/{}/secrets", place.namespace);
    let secret = json!({ "metadata": { "name": "mine" }, "stringData": { "password": "hidden" } });
    place.cluster.api().create(&secrets, &secret).await.ok();
    for (api_version, kind) in FORBIDDEN {
        for (what, said) in tries(&place, api_version, kind, "mine").await {
            let (status, message) = said.refused();
            assert!(
                [400, 403, 404, 422].contains(&status),
                "{what} {kind}: {status} {message}"
            );
            assert!(!message.contains("hidden"), "{message}");
        }
    }
    assert_eq!(
        place.cluster.api().get(&format!("{secrets}/mine")).await.ok()["data"]["password"],
        "aGlkZGVu"
    );
    let others = about_other_objects(&place).await;
    assert!(others.is_empty(), "{others:#?}");
    // The same guest reaches what is offered.
    let [read, .., deleted] = tries(&place, &place.kind.api_version(), "Database", "mine").await;
    assert_eq!((read.1.status, deleted.1.status), (200, 200));
}

#[tokio::test]
async fn of_kratixs_own_kinds_only_promises_are_open_and_only_to_be_read() {
    let place = Place::open().await;
    let mut destination = place.kind.definition();
    destination["metadata"]["name"] = json!("destinations.platform.kratix.io");
    destination["spec"]["group"] = json!("platform.kratix.io");
    destination["spec"]["scope"] = json!("Cluster");
    destination["spec"]["names"] = json!({ "kind": "Destination", "plural": "destinations" });
    destination["spec"]["versions"][0]["name"] = json!("v1alpha1");
    place.cluster.define(&destination).await;
    let promise = place.kind.promise.clone();
    let [read, state, written, deleted] = tries(&place, KRATIX, "Promise", &promise).await;
    assert_eq!((read.1.status, state.1.status), (200, 200));
    assert_eq!((written.1.refused().0, deleted.1.refused().0), (403, 403));
    let [.., created, _] = tries(&place, KRATIX, "Promise", "of-a-guest").await;
    assert_eq!(created.1.refused().0, 403);
    for (what, said) in tries(&place, KRATIX, "Destination", "mine").await {
        let (status, message) = said.refused();
        assert!(
            status == 403 && message.contains("stagedoor.ske.allow"),
            "{what}: {message}"
        );
    }
    let touched = about_other_objects(&place).await;
    assert!(
        touched
            .iter()
            .all(|entry| entry.verb == "get" && entry.object["resource"] == "promises"),
        "{touched:#?}"
    );
}

/// Names that could end or leave their place in a path.
const CROOKED: [&str; 11] = [
    "mine/status",
    "mine%2Fstatus",
    "mine%252Fstatus",
    "..%2Fsecrets",
    "..%2F..%2F..%2Fapi%2Fv1%2Fsecrets",
    "..",
    ".",
    "%2e%2e",
    "mine%00",
    "mine%0a",
    "%2Fapi%2Fv1%2Fsecrets",
];

/// Deletes as the guest; nothing in a body is decoded.
async fn deletes(place: &Place, namespace: &str, name: &str) -> u16 {
    let api_version = place.kind.api_version();
    let body = json!({ "apiVersion": api_version, "kind": "Database", "name": name, "namespace": namespace });
    let said = post(&place.app, &place.guest(), DELETE, &body).await;
    said.refused().0
}

/// Nothing was deleted, and no request of ours was about a part of an object.
async fn untouched(place: &Place) {
    assert_eq!(place.read("mine").await.status, 200);
    let asked = place.asked().await;
    let harmless = |entry: &Entry| entry.object["subresource"].is_null() && entry.verb != "delete";
    assert!(asked.iter().all(harmless), "{asked:#?}");
}

#[tokio::test]
async fn no_name_leads_to_another_object() {
    let place = Place::open().await;
    place.create("mine").await;
    for name in CROOKED {
        for (what, said) in tries(&place, &place.kind.api_version(), "Database", name).await {
            let (status, message) = said.refused();
            assert_eq!(status, 400, "{what} {name}: {message}");
        }
    }
    for name in [
        "mine?dryRun=All",
        "mine#x",
        "mine;x",
        "mine x",
        "mine\\..\\x",
        "mïne",
    ] {
        assert_eq!(deletes(&place, &place.namespace, name).await, 404, "{name}");
    }
    untouched(&place).await;
}

#[tokio::test]
async fn no_namespace_leads_to_another_object() {
    let place = Place::open().await;
    place.create("mine").await;
    let elsewhere = format!("nowhere/../{}", place.namespace);
    for namespace in [
        "..",
        "../..",
        "kube-system/secrets",
        "a%2F..%2Fb",
        "*",
        "-",
        "UPPER",
        &elsewhere,
    ] {
        assert_eq!(deletes(&place, namespace, "mine").await, 400, "{namespace}");
    }
    untouched(&place).await;
}

#[tokio::test]
async fn a_guest_configures_through_the_scaffolder_only() {
    let place = Place::open().await;
    let body = super::portal::manifest(&place.kind, &place.namespace, "mine", json!({"size": "small"}));
    let (status, message) = post(&place.app, &place.guest(), CONFIGURE, &body).await.refused();
    assert!(
        status == 403 && message.contains("stagedoor.actions.writeCallers"),
        "{message}"
    );
    let other = place.backstage.on_behalf_of("guest", "catalog");
    assert_eq!(post(&place.app, &other, CONFIGURE, &body).await.refused().0, 403);
    post(&place.app, &place.guests_template(), CONFIGURE, &body)
        .await
        .ok();
}

/// Which of reading, creating and deleting a list opens.
async fn opens(allow: &str, api_version: &str, kind: &str) -> [u16; 3] {
    let place = Place::with(&format!("{{ allow: {allow} }}")).await;
    let (path, data) = match kind {
        "Database" => (place.path("mine"), json!({ "spec": { "size": "small" } })),
        other => {
            let plural = format!("{}s", other.to_lowercase());
            (
                format!("/api/v1/namespaces/{}/{plural}/mine", place.namespace),
                json!({}),
            )
        }
    };
    let api_version = if kind == "Database" {
        place.kind.api_version()
    } else {
        api_version.to_owned()
    };
    let mut object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "mine", "namespace": place.namespace },
    });
    object
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    let collection = path.rsplit_once('/').unwrap().0;
    place.cluster.api().create(collection, &object).await.ok();
    let query = format!(
        "apiVersion={api_version}&kind={kind}&name=mine&namespace={}",
        place.namespace
    );
    let read = get(&place.app, &place.guest(), &format!("/api/ske/resource?{query}")).await;
    let written = post(
        &place.app,
        &place.guests_template(),
        CONFIGURE,
        &json!({ "manifest": object }),
    )
    .await;
    let named =
        json!({ "apiVersion": api_version, "kind": kind, "name": "mine", "namespace": place.namespace });
    let deleted = post(&place.app, &place.guest(), DELETE, &named).await;
    assert_eq!(
        place.cluster.api().get(&path).await.status,
        if deleted.status == 200 { 404 } else { 200 }
    );
    [read.status, written.status, deleted.status]
}

#[tokio::test]
async fn a_list_opens_exactly_what_it_names() {
    let reads = "[{ group: core, kinds: [ConfigMap], access: read }]";
    assert_eq!(opens(reads, "v1", "ConfigMap").await, [200, 403, 403]);
    assert_eq!(opens(reads, "v1", "Secret").await, [403; 3]);
    assert_eq!(
        opens(reads, "", "Database").await,
        [403; 3],
        "a list replaces what is open by default"
    );
    let writes = "[{ group: core, kinds: [ConfigMap], access: write }]";
    assert_eq!(opens(writes, "v1", "ConfigMap").await, [200; 3]);
    assert_eq!(opens("[]", "", "Database").await, [403; 3]);
}

#[tokio::test]
async fn a_secret_is_opened_only_by_its_own_name() {
    let stars = "[{ group: '*', kinds: ['*'], access: write }]";
    assert_eq!(opens(stars, "v1", "ConfigMap").await, [200; 3]);
    assert_eq!(opens(stars, "v1", "Secret").await, [403; 3]);
    assert_eq!(
        opens(
            "[{ group: core, kinds: ['*', Secret], access: read }]",
            "v1",
            "Secret"
        )
        .await,
        [200, 403, 403]
    );
}

#[tokio::test]
async fn a_list_can_close_what_it_does_not_name_while_we_run() {
    let place = Place::open().await;
    place.create("mine").await;
    assert_eq!(place.read("mine").await.status, 200);
    let file = place.app.folder.path().join("app-config.yaml");
    let config = std::fs::read_to_string(&file).unwrap();
    let closed = config.replace("  ske: {}", "  ske: { allow: [] }");
    assert_ne!(closed, config);
    std::fs::write(&file, closed).unwrap();
    let (_, message) = until(403, || place.read("mine")).await.refused();
    assert!(message.contains("stagedoor.ske.allow has no rule"), "{message}");
}

#[tokio::test]
async fn a_list_of_objects_is_refused_whatever_its_members_are() {
    let place = Place::open().await;
    let member = place.kind.request("mine", json!({"size": "small"}));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}});
    let kinds: [(&str, String, Vec<&Value>); 3] = [
        ("v1", "List".to_owned(), vec![&member, &secret]),
        ("v1", "SecretList".to_owned(), vec![&secret]),
        ("", "DatabaseList".to_owned(), vec![&member]),
    ];
    for (api_version, kind, items) in kinds {
        let api_version = if api_version.is_empty() {
            place.kind.api_version()
        } else {
            api_version.to_owned()
        };
        let list =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "mine"}, "items": items});
        let body = json!({ "manifest": list });
        let (status, message) = post(&place.app, &place.guests_template(), CONFIGURE, &body)
            .await
            .refused();
        assert!(
            status == 400 && message.contains("one object at a time"),
            "{kind}: {message}"
        );
    }
}

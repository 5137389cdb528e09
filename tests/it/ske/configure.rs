//! `POST /api/ske/configure-resource`: one object is created, or changed where it is.

use serde_json::{Value, json};

use super::{place::Place, portal::manifest};

/// The manifest as text, with what follows `metadata`.
fn text(place: &Place, name: &str, rest: &str) -> Value {
    let (api_version, namespace) = (place.kind.api_version(), &place.namespace);
    let text = format!(
        "# requested by a form\napiVersion: {api_version}\nkind: Database\nmetadata:\n  name: {name} # the object\n  \
         namespace: {namespace}\n{rest}"
    );
    json!({ "manifest": text })
}

#[tokio::test]
async fn yaml_with_comments_and_a_mapping_make_the_same_object() {
    let place = Place::open().await;
    let spec = "spec:\n  # how large\n  size: small\n  replicas: 2\n  tags: [a, \"1\"]\n";
    place.configure(&text(&place, "written", spec)).await.ok();
    place
        .write(
            "mapped",
            json!({"size": "small", "replicas": 2, "tags": ["a", "1"]}),
        )
        .await
        .ok();
    let (written, mapped) = (place.live("written").await, place.live("mapped").await);
    assert_eq!(written["spec"], mapped["spec"]);
    assert_eq!(written["spec"]["tags"], json!(["a", "1"]));
    let json =
        manifest(&place.kind, &place.namespace, "printed", json!({"size": "small"}))["manifest"].to_string();
    place.configure(&json!({ "manifest": json })).await.ok();
    assert_eq!(place.live("printed").await["spec"]["size"], "small");
}

#[tokio::test]
async fn the_answer_holds_the_uid_and_whether_it_is_new() {
    let place = Place::open().await;
    let created = place.write("mine", json!({"size": "small"})).await.ok();
    let uid = place.live("mine").await["metadata"]["uid"].clone();
    assert_eq!(created, json!({ "resourceId": uid, "created": true }));
    let updated = place.write("mine", json!({"size": "large"})).await.ok();
    assert_eq!(updated, json!({ "resourceId": uid, "created": false }));
}

#[tokio::test]
async fn an_update_happens_in_place_and_keeps_what_others_wrote() {
    let place = Place::open().await;
    let mut body = manifest(
        &place.kind,
        &place.namespace,
        "mine",
        json!({"size": "small", "replicas": 3}),
    );
    body["manifest"]["metadata"]["labels"] = json!({"team": "a"});
    place.configure(&body).await.ok();
    place.kratix().reconcile("mine").await;
    let foreign = json!({"metadata": {"labels": {"foreign": "yes"}, "annotations": {"note": "kept"}}});
    place
        .cluster
        .api()
        .patch(&place.path("mine"), &foreign)
        .await
        .ok();
    let before = place.live("mine").await;

    body["manifest"]["metadata"]["labels"] = json!({"team": "b"});
    body["manifest"]["spec"] = json!({"size": "large", "settings": {"tls": "on"}});
    place.configure(&body).await.ok();
    let after = place.live("mine").await;
    assert_eq!(
        after["spec"],
        json!({"size": "large", "settings": {"tls": "on"}, "backups": false})
    );
    let mut labels = before["metadata"]["labels"].clone();
    assert_eq!(labels["foreign"], "yes");
    labels["team"] = json!("b");
    assert_eq!(after["metadata"]["labels"], labels);
    for kept in ["uid", "annotations", "finalizers", "creationTimestamp"] {
        assert_eq!(after["metadata"][kept], before["metadata"][kept], "{kept}");
    }
    assert_eq!(after["status"], before["status"]);
}

#[tokio::test]
async fn a_field_that_was_cleared_in_the_form_is_cleared() {
    let place = Place::open().await;
    let full = json!({"size": "small", "replicas": 3, "tags": ["a", "b"], "settings": {"x": "1", "y": "2"}});
    place.write("mine", full).await.ok();
    let less = json!({"size": "small", "settings": {"x": "1"}});
    place.write("mine", less).await.ok();
    let spec = place.live("mine").await["spec"].clone();
    assert_eq!(
        spec,
        json!({"size": "small", "settings": {"x": "1"}, "backups": false})
    );
}

#[tokio::test]
async fn the_status_and_what_the_server_owns_are_not_taken_from_the_manifest() {
    let place = Place::open().await;
    place.create("mine").await;
    place.kratix().reconcile("mine").await;
    let before = place.live("mine").await;
    let mut body = manifest(&place.kind, &place.namespace, "mine", json!({"size": "large"}));
    body["manifest"]["status"] = json!({"conditions": []});
    body["manifest"]["metadata"]["uid"] = json!("11111111-2222-3333-4444-555555555555");
    body["manifest"]["metadata"]["resourceVersion"] = json!("1");
    body["manifest"]["metadata"]["creationTimestamp"] = Value::Null;
    body["manifest"]["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    body["manifest"]["metadata"]["finalizers"] = json!([]);
    let answer = place.configure(&body).await.ok();
    let after = place.live("mine").await;
    assert_eq!(answer["resourceId"], before["metadata"]["uid"]);
    assert_eq!(after["spec"]["size"], "large");
    assert_eq!(after["status"], before["status"]);
    assert_eq!(after["metadata"]["finalizers"], before["metadata"]["finalizers"]);
}

#[tokio::test]
async fn an_untouched_forms_empty_spec_is_an_empty_mapping() {
    let place =
        Place::with("{ allow: [{ group: core, kinds: [Namespace, ConfigMap], access: write }] }").await;
    let name = format!("made-{}", place.namespace);
    let body = json!({ "manifest": format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\nspec:\n") });
    place.configure(&body).await.ok();
    let place = Place::open().await;
    let (status, message) = place.configure(&text(&place, "mine", "spec:\n")).await.refused();
    assert!(
        status == 422 && message.contains("spec.size: Required value"),
        "{status} {message}"
    );
    assert!(!message.contains("null"), "{message}");
}

#[tokio::test]
async fn when_nothing_is_to_be_changed_nothing_is_written() {
    let place = Place::open().await;
    let spec = json!({"size": "small", "backups": false});
    place.write("mine", spec.clone()).await.ok();
    place.kratix().reconcile("mine").await;
    let before = place.live("mine").await;
    let again = place.write("mine", spec).await.ok();
    assert_eq!(again["resourceId"], before["metadata"]["uid"]);
    assert_eq!(place.live("mine").await, before);
    let asked = place.asked().await;
    assert!(asked.iter().all(|entry| entry.verb != "update"), "{asked:#?}");
    // A default the server fills in makes a write, which the server sees through.
    place.write("mine", json!({"size": "small"})).await.ok();
    assert_eq!(
        place.live("mine").await["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn an_object_being_deleted_is_not_written_and_the_sentence_says_so() {
    let place = Place::open().await;
    place.create("mine").await;
    place.kratix().reconcile("mine").await;
    place.delete("mine").await.ok();
    let before = place.live("mine").await;
    let (status, message) = place.write("mine", json!({"size": "large"})).await.refused();
    assert!(
        status == 409 && message.contains("is being deleted; wait until it is gone"),
        "{message}"
    );
    assert_eq!(place.live("mine").await, before);
    place.kratix().let_go("mine").await;
    let made = place.write("mine", json!({"size": "large"})).await.ok();
    assert_ne!(made["resourceId"], before["metadata"]["uid"]);
}

#[tokio::test]
async fn what_the_server_finds_wrong_is_a_422_with_the_paths_of_the_fields() {
    let place = Place::open().await;
    for name in ["new", "there"] {
        if name == "there" {
            place.create(name).await;
        }
        let said = place.write(name, json!({"size": "huge", "replicas": 70})).await;
        let details = said.body["error"]["details"].clone();
        let (status, message) = said.refused();
        assert_eq!(status, 422, "{message}");
        let mut fields: Vec<&str> = details
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["field"].as_str().unwrap())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, ["spec.replicas", "spec.size"]);
        assert!(
            message.contains("spec.size: Unsupported value: \"huge\""),
            "{message}"
        );
        assert!(
            details.to_string().contains("should be less than or equal to 9"),
            "{details}"
        );
    }
    assert_eq!(place.read("new").await.status, 404);
}

#[tokio::test]
async fn a_field_the_kind_does_not_have_is_refused_with_its_path() {
    let place = Place::open().await;
    place.create("there").await;
    for name in ["new", "there"] {
        let (status, message) = place
            .write(name, json!({"size": "small", "colour": "red"}))
            .await
            .refused();
        assert!(
            status == 422 && message.contains("unknown field \"spec.colour\""),
            "{status} {message}"
        );
    }
    let mut body = manifest(&place.kind, &place.namespace, "new", json!({"size": "small"}));
    body["manifest"]["sepc"] = json!({});
    let (status, message) = place.configure(&body).await.refused();
    assert!(
        status == 422 && message.contains("unknown field \"sepc\""),
        "{status} {message}"
    );
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_a_422_also_when_the_object_has_its_name() {
    let place = Place::open().await;
    for name in ["mine", "nowhere"] {
        let body = manifest(&place.kind, "nowhere", name, json!({"size": "small"}));
        let (status, message) = place.configure(&body).await.refused();
        assert!(
            status == 422 && message.contains("namespaces \"nowhere\" not found"),
            "{name}: {status} {message}"
        );
    }
}

#[tokio::test]
async fn in_a_namespace_on_its_way_out_the_server_says_so_and_when_it_is_gone_it_is_a_422() {
    let place = Place::open().await;
    place.write("mine", json!({"size": "small"})).await.ok();
    let path = format!("/api/v1/namespaces/{}", place.namespace);
    place.cluster.api().delete(&path).await.ok();
    let (status, message) = place.write("other", json!({"size": "small"})).await.refused();
    assert!(
        status == 403 && message.contains("because it is being terminated"),
        "{status} {message}"
    );
    place.write("mine", json!({"size": "large"})).await.ok();
    place.delete("mine").await.ok();
    let mut namespace = place.cluster.api().get(&path).await.ok();
    namespace["spec"]["finalizers"] = json!([]);
    let finalize = format!("{path}/finalize");
    place.cluster.api().replace(&finalize, &namespace).await.ok();
    let gone = |answer: &crate::support::kubernetes::Answer| answer.status == 404;
    place.cluster.api().wait_for(&path, gone).await;
    let said = super::place::until(422, || place.write(&place.namespace, json!({"size": "small"}))).await;
    let (_, message) = said.refused();
    assert!(message.contains("not found"), "{message}");
    assert_eq!(place.read("mine").await.refused().0, 404);
}

#[tokio::test]
async fn without_a_namespace_the_object_is_made_in_default() {
    let place = Place::open().await;
    for namespace in [Value::Null, json!("")] {
        let mut body = json!({ "manifest": place.kind.request("mine", json!({"size": "small"})) });
        body["manifest"]["metadata"]["namespace"] = namespace;
        let made = place.configure(&body).await.ok();
        let live = place
            .cluster
            .api()
            .get(&place.kind.object_path("default", "mine"))
            .await
            .ok();
        assert_eq!(made["resourceId"], live["metadata"]["uid"]);
    }
}

#[tokio::test]
async fn a_kind_of_the_whole_cluster_is_written_without_the_namespace_of_the_manifest() {
    let place = Place::with("{ allow: [{ group: core, kinds: [Namespace], access: write }] }").await;
    let name = format!("made-{}", place.namespace);
    let metadata = json!({"name": name, "namespace": place.namespace, "labels": {"made": "here"}});
    let body = json!({ "manifest": { "apiVersion": "v1", "kind": "Namespace", "metadata": metadata } });
    let made = place.configure(&body).await.ok();
    let again = place.configure(&body).await.ok();
    assert_eq!(again["resourceId"], made["resourceId"]);
    assert_eq!(
        (&made["created"], &again["created"]),
        (&json!(true), &json!(false))
    );
    let live = place
        .cluster
        .api()
        .get(&format!("/api/v1/namespaces/{name}"))
        .await
        .ok();
    assert_eq!(live["metadata"]["labels"]["made"], "here");
    assert_eq!(live["metadata"]["namespace"], Value::Null);
}

#[tokio::test]
async fn what_the_server_warns_of_comes_back_whether_or_not_something_was_written() {
    let place = Place::open().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = format!("{definitions}/{}.{}", place.kind.plural, place.kind.group);
    let deprecate = |definition: &mut Value| {
        definition["spec"]["versions"][0]["deprecated"] = json!(true);
        definition["spec"]["versions"][0]["deprecationWarning"] = json!("use \"Postgrès\" \\ instead");
    };
    place.cluster.api().change(&definition, deprecate).await.ok();
    let warned = json!(["use \"Postgrès\" \\ instead"]);
    let end = tokio::time::Instant::now() + crate::support::app::LIMIT;
    let spec = json!({"size": "small", "backups": false});
    while place.write("first", spec.clone()).await.ok()["warnings"] != warned {
        assert!(tokio::time::Instant::now() < end, "never warned");
        place.delete("first").await.ok();
    }
    for spec in [
        json!({"size": "large", "backups": false}),
        json!({"size": "large", "backups": false}),
    ] {
        assert_eq!(place.write("first", spec).await.ok()["warnings"], warned);
    }
    assert_eq!(place.delete("first").await.ok()["warnings"], warned);
}

#[tokio::test]
async fn what_a_gitops_tool_owns_is_written_with_a_warning() {
    let place = Place::open().await;
    place.create("mine").await;
    let labels = json!({
        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    });
    let mark = json!({ "metadata": { "labels": labels } });
    place.cluster.api().patch(&place.path("mine"), &mark).await.ok();
    for size in ["large", "large"] {
        let answer = place
            .write("mine", json!({"size": size, "backups": false}))
            .await
            .ok();
        let warning = answer["warnings"][0]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        assert!(
            warning.contains("Flux (Kustomization flux-system/apps)"),
            "{warning}"
        );
        assert_eq!(answer["warnings"].as_array().unwrap().len(), 1);
    }
    assert_eq!(place.live("mine").await["spec"]["size"], "large");
}

#[tokio::test]
async fn what_was_made_with_kubectl_is_managed_like_what_was_made_here() {
    let place = Place::open().await;
    let mut request = place
        .kind
        .request("mine", json!({"size": "small", "replicas": 2}));
    let applied = "kubectl.kubernetes.io/last-applied-configuration";
    request["metadata"]["annotations"][applied] = json!(request.to_string());
    let collection = place.kind.path(&place.namespace);
    let made = place.cluster.api().create(&collection, &request).await.ok();
    let read = place.read("mine").await.ok();
    assert_eq!(read["manifest"]["metadata"]["uid"], made["metadata"]["uid"]);
    let written = place.write("mine", json!({"size": "large"})).await.ok();
    assert_eq!(written["resourceId"], made["metadata"]["uid"]);
    let live = place.live("mine").await;
    assert_eq!(live["spec"], json!({"size": "large", "backups": false}));
    assert_eq!(
        live["metadata"]["annotations"],
        request["metadata"]["annotations"]
    );
    place.delete("mine").await.ok();
    assert_eq!(place.read("mine").await.status, 404);
}

//! What the cluster would refuse is not committed: it is tried there first, as whom the right was asked for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{As, Pair, direct, document};
use crate::{
    ske::{
        gitops::place::{holding, scm},
        place::CONFIGURE,
        portal::{Said, manifest, post},
    },
    support::{
        app::{STATIC_TOKEN, TestApp},
        kubernetes::Rule,
        kubernetes_fake::{FakeKubernetes, OBJECT, OBJECTS, Reply, status},
    },
};

const RIGHTS: [&str; 4] = ["get", "create", "update", "delete"];

/// A repository with `there`, which the cluster has, and `unapplied`, which it has not yet.
async fn pair(name: &str) -> Pair {
    let pair = Pair::holding(name, |kind, namespace| {
        vec![
            ("requests/there.yaml", document(kind, namespace, "there")),
            ("requests/unapplied.yaml", document(kind, namespace, "unapplied")),
        ]
    })
    .await;
    pair.create("there").await;
    pair.create("elsewhere").await;
    pair
}

/// Configures the object to have this `spec`.
async fn write(pair: &Pair, (app, token): (&TestApp, &str), name: &str, spec: Value) -> Said {
    post(
        app,
        token,
        CONFIGURE,
        &manifest(&pair.kind, &pair.namespace, name, spec),
    )
    .await
}

#[tokio::test]
async fn what_the_cluster_refuses_is_not_committed() {
    for acting in [As::Account, As::Oidc, As::Impersonated] {
        let pair = pair("refuses").await;
        let app = TestApp::start(&direct(&pair.config(acting, "").await)).await;
        let name = format!("jane-{}", pair.namespace);
        pair.allow(&Pair::subject(acting, &name), &RIGHTS).await;
        let token = pair.user(acting, &name);
        let commits = pair.commits();
        for object in ["new", "there", "unapplied", "elsewhere"] {
            for (spec, says) in [
                (json!({ "size": "gigantic" }), "spec.size"),
                (json!({ "size": "small", "unknown": 1 }), "unknown field"),
                (json!({}), "spec.size: Required value"),
                (
                    json!({ "size": "small", "replicas": 10 }),
                    "less than or equal to 9",
                ),
            ] {
                let (status, message) = write(&pair, (&app, &token), object, spec).await.refused();
                assert!(
                    status == 422 && message.contains(says),
                    "{acting:?} {object}: {status} {message}"
                );
            }
        }
        assert_eq!(pair.commits(), commits);
        for object in ["new", "there", "unapplied", "elsewhere"] {
            let spec = json!({ "size": "large" });
            write(&pair, (&app, &token), object, spec).await.ok();
        }
        assert_eq!(pair.live("new").await.0, 404, "a trial leaves nothing");
        assert_eq!(pair.live("there").await.1["spec"]["size"], "small");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_others_left_in_the_document_is_tried_with_it() {
    let pair = Pair::holding("whole", |kind, namespace| {
        let text = document(kind, namespace, "there");
        vec![("requests/there.yaml", text + "wrong: 1\n")]
    })
    .await;
    pair.create("there").await;
    let app = pair.portal(As::Account, "").await;
    let (status, message) = pair.write(&app, STATIC_TOKEN, "there").await.refused();
    assert!(status == 422 && message.contains("wrong"), "{status} {message}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_an_admission_policy_denies_is_not_committed() {
    let pair = pair("policy").await;
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": pair.namespace },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [pair.kind.group], "apiVersions": ["*"], "resources": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
            }]},
            "validations": [{ "expression": "request.operation != 'DELETE' && object.spec.size != 'large'",
                "message": "house rule" }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": pair.namespace },
        "spec": { "policyName": pair.namespace, "validationActions": ["Deny"] },
    });
    pair.cluster.api().create(policies, &policy).await.ok();
    let bindings = policies.replace("policies", "policybindings");
    pair.cluster.api().create(&bindings, &binding).await.ok();
    // It takes the API server a moment to follow its own policies.
    let probe = pair.kind.request("probe", json!({ "size": "large" }));
    let collection = format!("{}?dryRun=All", pair.kind.path(&pair.namespace));
    while pair.cluster.api().create(&collection, &probe).await.status == 201 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let app = pair.portal(As::Account, "").await;
    let commits = pair.commits();
    for said in [
        pair.write(&app, STATIC_TOKEN, "new").await,
        pair.write(&app, STATIC_TOKEN, "there").await,
        pair.write(&app, STATIC_TOKEN, "unapplied").await,
        pair.delete(&app, STATIC_TOKEN, "there").await,
    ] {
        let (status, message) = said.refused();
        assert!(
            status == 422 && message.contains("house rule"),
            "{status} {message}"
        );
    }
    assert_eq!(pair.commits(), commits);
    assert!(pair.live("there").await.1["metadata"]["deletionTimestamp"].is_null());
    let small = json!({ "size": "small", "replicas": 2 });
    write(&pair, (&app, STATIC_TOKEN), "there", small).await.ok();
    pair.delete(&app, STATIC_TOKEN, "unapplied").await.ok();
    app.stop().await.unwrap();
    pair.cluster
        .api()
        .delete(&format!("{bindings}/{}", pair.namespace))
        .await
        .ok();
    pair.cluster
        .api()
        .delete(&format!("{policies}/{}", pair.namespace))
        .await
        .ok();
}

#[tokio::test]
async fn an_account_without_the_right_is_told_so_and_commits_nothing() {
    let pair = pair("read-only").await;
    let reader = pair.cluster.service_account(&pair.namespace, "reader").await;
    let reads = Rule::on(&pair.kind.group, &[&pair.kind.plural]).verbs(&["get"]);
    let promises = Rule::on("platform.kratix.io", &["promises"]).verbs(&["get", "list"]);
    pair.cluster.allow(&reader.subject(), &reads).await;
    pair.cluster.allow(&reader.subject(), &promises).await;
    let (strong, weak) = (
        pair.cluster.token(&pair.account).await,
        pair.cluster.token(&reader).await,
    );
    let config = pair.config(As::Account, "").await;
    let at = config.find("serviceAccountToken: ").unwrap();
    let line = config[at..].lines().next().unwrap();
    let app = TestApp::start(&config.replace(line, &format!("serviceAccountToken: {weak}"))).await;
    let commits = pair.commits();
    for (said, verb) in [
        (pair.write(&app, STATIC_TOKEN, "new").await, "create"),
        (pair.write(&app, STATIC_TOKEN, "unapplied").await, "create"),
        (pair.write(&app, STATIC_TOKEN, "there").await, "update"),
        (pair.delete(&app, STATIC_TOKEN, "there").await, "delete"),
    ] {
        let (status, message) = said.refused();
        let says = format!("cannot {verb} resource");
        assert!(status == 403 && message.contains(&says), "{status} {message}");
        assert!(!message.contains(&strong), "{message}");
    }
    assert_eq!(pair.commits(), commits);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_object_on_its_way_out_is_a_409_and_no_commit() {
    let pair = pair("leaving").await;
    let path = pair.kind.object_path(&pair.namespace, "there");
    let held = |object: &mut Value| object["metadata"]["finalizers"] = json!(["example.org/never"]);
    pair.cluster.api().change(&path, held).await.ok();
    pair.cluster.api().delete(&path).await.ok();
    let app = pair.portal(As::Account, "").await;
    let commits = pair.commits();
    let (status, message) = pair.write(&app, STATIC_TOKEN, "there").await.refused();
    assert!(
        status == 409 && message.contains("is being deleted"),
        "{status} {message}"
    );
    assert_eq!(pair.commits(), commits);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_webhook_that_cannot_be_tried_is_a_warning() {
    let fake = FakeKubernetes::start().await;
    let workshop = holding(&[]).await;
    let section = format!(
        "ske: {{ mode: hybrid, scm: {}, kubernetes:",
        scm(&workshop.server, "")
    );
    let data = format!("stagedoor:\n  dataDir: '{}'\n", workshop.data.path().display());
    let config = fake.app_config("token", "{}");
    let config = config
        .replace("ske: { kubernetes:", &section)
        .replace("stagedoor:\n", &data);
    let app = TestApp::start(&config).await;
    let says = "admission webhook \"old.example.org\" does not support dry run";
    let untriable = Reply::Json(400, status(400, "BadRequest", says));
    let kind = FakeKubernetes::kind();
    let conflict = Reply::Json(409, status(409, "Conflict", "the object has been modified"));
    fake.plant("POST", OBJECTS, std::slice::from_ref(&untriable));
    fake.plant("PUT", OBJECT, &[conflict, untriable.clone()]);
    for name in ["new", "mine"] {
        if name == "new" {
            let absent = status(404, "NotFound", "databases.fake.example.org \"new\" not found");
            let path = OBJECT.replace("/mine", "/new");
            let mut absent = absent;
            absent["details"] = json!({ "name": "new", "group": kind.group, "kind": "databases" });
            let replies = vec![Reply::Json(404, absent); 4];
            fake.plant("GET", &path, &replies);
        }
        let body = manifest(&kind, "default", name, json!({ "size": "large" }));
        let answer = post(&app, STATIC_TOKEN, CONFIGURE, &body).await.ok();
        let warnings = answer["warnings"].to_string();
        assert!(warnings.contains("does not support dry run"), "{answer}");
    }
    assert_eq!(fake.count("PUT", OBJECT), 2, "a conflict starts anew");
    assert_eq!(workshop.remote.commits().len(), 3);
    app.stop().await.unwrap();
}

//! Writes in hybrid are commits; the cluster is asked about them and not changed.

use serde_json::{Value, json};

use super::{As, Pair, document};
use crate::{
    ske::{
        gitops::place::{commit_of, push},
        place::CONFIGURE,
        portal::{manifest, post},
    },
    support::{app::STATIC_TOKEN, kubernetes::Kratix},
};

#[tokio::test]
async fn a_write_is_a_commit_and_the_cluster_stays_as_it_is() {
    let pair = Pair::new("writes").await;
    let live = pair.create("mine").await;
    let app = pair.portal(As::Account, "").await;
    let answer = pair.write(&app, &pair.user(As::Account, ""), "mine").await.ok();
    let head = pair.commits()[0].clone();
    assert_eq!(answer, json!({ "commitsha": head, "created": true }));
    assert_eq!(pair.remote.files(), ["README".to_owned(), pair.path("mine")]);
    assert!(pair.remote.show(&pair.path("mine")).contains("size: large"));
    assert_eq!(pair.live("mine").await, (200, live));
    let again = pair.write(&app, &pair.user(As::Account, ""), "mine").await;
    assert_eq!(commit_of(again), head, "nothing changed");
    assert_eq!(pair.commits().len(), 2);
    pair.write(&app, &pair.user(As::Account, ""), "other").await.ok();
    assert_eq!(pair.live("other").await.0, 404);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_commit_says_who_asked_whoever_the_cluster_was_asked_as() {
    let pair = Pair::new("asked").await;
    let rights = ["get", "create", "update", "delete"];
    for acting in [As::Oidc, As::Impersonated] {
        let app = crate::support::app::TestApp::start(&super::direct(&pair.config(acting, "").await)).await;
        let name = format!("jane-{}", pair.namespace);
        pair.allow(&Pair::subject(acting, &name), &rights).await;
        let object = format!("{acting:?}").to_lowercase();
        pair.write(&app, &pair.user(acting, &name), &object).await.ok();
        let told = pair.remote.git(&[
            "log",
            "-1",
            "--format=%an <%ae>|%s|%(trailers:key=Requested-by,valueonly)",
            "main",
        ]);
        let expected = format!(
            "SKE <ske@backstage.io>|chore: configure Database {}/{object}|user:default/{name}",
            pair.namespace
        );
        assert_eq!(told.trim(), expected);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_live_object_sent_back_by_a_form_leaves_nothing_of_the_platform_in_the_file() {
    let pair = Pair::new("form").await;
    pair.create("mine").await;
    let kratix = Kratix::of(&pair.cluster, &pair.kind, &pair.namespace);
    kratix.reconcile("mine").await;
    let app = pair.portal(As::Account, "").await;
    let live = pair.live("mine").await.1;
    assert!(live["status"].is_object() && live["metadata"]["labels"]["kratix.io/promise-name"].is_string());
    let body = json!({ "manifest": live });
    post(&app, &pair.user(As::Account, ""), CONFIGURE, &body)
        .await
        .ok();
    let text = pair.remote.show(&pair.path("mine"));
    for gone in [
        "status",
        "kratix.io",
        "uid",
        "resourceVersion",
        "generation",
        "managedFields",
        "creationTimestamp",
    ] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert!(
        text.contains("size: small") && text.contains("backups: false"),
        "{text}"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_flux_applies_from_the_repository_is_written_without_a_warning() {
    let pair = Pair::holding("flux", |kind, namespace| {
        vec![("requests/a.yaml", document(kind, namespace, "mine"))]
    })
    .await;
    pair.create("mine").await;
    let labels = json!({ "metadata": { "labels": {
        "kustomize.toolkit.fluxcd.io/name": "requests", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }}});
    let path = pair.kind.object_path(&pair.namespace, "mine");
    pair.cluster.api().patch(&path, &labels).await.ok();
    let app = pair.portal(As::Account, "").await;
    let answer = pair.write(&app, &pair.user(As::Account, ""), "mine").await.ok();
    assert_eq!(answer["warnings"], Value::Null, "{answer}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_a_404_and_no_commit() {
    let pair = Pair::new("unserved").await;
    let app = pair
        .portal(
            As::Account,
            "allow: [{ group: '*', kinds: ['*'], access: write }]",
        )
        .await;
    let token = pair.user(As::Account, "");
    let mut other = pair.kind.clone();
    other.kind = "Nothing".to_owned();
    let mut newer = pair.kind.clone();
    newer.version = "v9".to_owned();
    let mut elsewhere = pair.kind.clone();
    elsewhere.group = "nowhere.example.org".to_owned();
    for (kind, expected) in [(other, 404), (newer, 422), (elsewhere, 404)] {
        let body = manifest(&kind, &pair.namespace, "mine", json!({}));
        let (status, message) = post(&app, &token, CONFIGURE, &body).await.refused();
        assert!(
            status == expected && message.contains("does not serve"),
            "{status} {message}"
        );
    }
    assert_eq!(pair.commits().len(), 1);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn for_a_leaving_promise_nothing_is_committed_but_deletions() {
    for acting in [As::Account, As::Impersonated] {
        let pair = Pair::holding("leaving", |kind, namespace| {
            vec![("requests/mine.yaml", document(kind, namespace, "mine"))]
        })
        .await;
        let app = pair.portal(acting, "").await;
        let token = pair.user(acting, "jane");
        pair.allow(
            &Pair::subject(acting, "jane"),
            &["get", "create", "update", "delete"],
        )
        .await;
        let promise = pair.kind.promise_path();
        let held =
            |promise: &mut Value| promise["metadata"]["finalizers"] = json!(["kratix.io/api-crd-cleanup"]);
        pair.cluster.api().change(&promise, held).await.ok();
        pair.cluster.api().delete(&promise).await.ok();
        let commits = pair.commits();
        for name in ["mine", "another"] {
            let (status, message) = pair.write(&app, &token, name).await.refused();
            assert!(
                status == 409 && message.contains(&pair.kind.promise),
                "{acting:?} {status} {message}"
            );
        }
        assert_eq!(pair.commits(), commits);
        pair.delete(&app, &token, "mine").await.ok();
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn two_documents_of_one_identity_are_a_409_for_writes_and_none_for_reads() {
    let pair = Pair::holding("twice", |kind, namespace| {
        vec![
            ("requests/a.yaml", document(kind, namespace, "mine")),
            ("requests/b.yaml", document(kind, namespace, "mine")),
        ]
    })
    .await;
    pair.create("mine").await;
    let app = pair.portal(As::Account, "").await;
    let token = pair.user(As::Account, "");
    pair.read(&app, &token, "mine").await.ok();
    for said in [
        pair.write(&app, &token, "mine").await,
        pair.delete(&app, &token, "mine").await,
    ] {
        let (status, message) = said.refused();
        assert_eq!(status, 409, "{message}");
        assert!(
            message.contains("requests/a.yaml") && message.contains("requests/b.yaml"),
            "{message}"
        );
    }
    assert_eq!(pair.commits().len(), 2);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn names_that_fit_the_cluster_alone_are_a_400_in_hybrid() {
    let pair = Pair::new("names").await;
    let app = pair.portal(As::Account, "").await;
    let token = pair.user(As::Account, "");
    for name in ["UPPER", "under_score", "../mine", "a:b", "-dash"] {
        assert_eq!(pair.write(&app, &token, name).await.refused().0, 400, "{name}");
        assert_eq!(pair.delete(&app, &token, name).await.refused().0, 400, "{name}");
    }
    assert_eq!(pair.commits().len(), 1);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_others_moved_in_the_repository_is_updated_where_it_is() {
    let pair = Pair::holding("moved", |kind, namespace| {
        vec![("requests/old.yaml", document(kind, namespace, "mine"))]
    })
    .await;
    let app = pair.portal(As::Account, "").await;
    let token = pair.user(As::Account, "");
    pair.write(&app, &token, "mine").await.ok();
    let clone = pair.remote.working_copy();
    clone.git(&["mv", "requests/old.yaml", "requests/new.yaml"]);
    clone.write(
        "requests/other.yaml",
        &document(&pair.kind, &pair.namespace, "other"),
    );
    push(&clone);
    pair.write(&app, &token, "other").await.ok();
    assert_eq!(
        pair.remote.files(),
        ["README", "requests/new.yaml", "requests/other.yaml"]
    );
    assert!(pair.remote.show("requests/other.yaml").contains("size: large"));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_kind_without_namespaces_is_written_without_one() {
    let pair = Pair::new("wide").await;
    let wide = crate::support::kubernetes::RequestKind::new("Wide");
    let mut definition = wide.definition();
    definition["spec"]["scope"] = json!("Cluster");
    pair.cluster.define(&definition).await;
    let app = pair
        .portal(
            As::Account,
            "allow: [{ group: '*', kinds: ['*'], access: write }]",
        )
        .await;
    let body = manifest(&wide, &pair.namespace, "mine", json!({ "size": "small" }));
    post(&app, &pair.user(As::Account, ""), CONFIGURE, &body)
        .await
        .ok();
    let files = pair.remote.files();
    let text = pair.remote.show(&files[1]);
    assert!(!text.contains("namespace"), "{files:?} {text}");
    // And it is the same object whatever namespace comes with it.
    let again = manifest(&wide, "default", "mine", json!({ "size": "large" }));
    post(&app, &pair.user(As::Account, ""), CONFIGURE, &again)
        .await
        .ok();
    assert_eq!(pair.remote.files(), files);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn who_may_configure_must_come_through_a_write_caller_in_hybrid_too() {
    let pair = Pair::new("callers").await;
    let app = pair.portal(As::Account, "").await;
    let guest = pair.backstage.user("guest", json!({}));
    let (status, message) = pair.write(&app, &guest, "mine").await.refused();
    assert!(
        status == 403 && message.contains("stagedoor.actions.writeCallers"),
        "{message}"
    );
    pair.write(&app, &pair.backstage.on_behalf_of("guest", "scaffolder"), "mine")
        .await
        .ok();
    pair.delete(&app, &guest, "mine").await.ok();
    assert_eq!(pair.commits().len(), 3);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_kind_without_namespaces_has_one_file_whatever_namespace_comes_with_it() {
    let pair = Pair::new("wide").await;
    let opened = "allow: [{ group: networking.k8s.io, kinds: [ServiceCIDR], access: write }]";
    let app = pair.portal(As::Account, opened).await;
    let name = format!("wide-{}", pair.namespace);
    let before = pair.commits().len();
    for metadata in [
        json!({ "name": name, "namespace": "team-a" }),
        json!({ "name": name }),
        json!({ "name": name, "namespace": "team-b" }),
    ] {
        let manifest = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": metadata,
            "spec": { "cidrs": ["10.77.0.0/24"] },
        });
        post(&app, STATIC_TOKEN, CONFIGURE, &json!({ "manifest": manifest }))
            .await
            .ok();
    }
    assert_eq!(pair.commits().len(), before + 1, "one object, said three times");
    let files = pair.remote.files();
    let written = files.iter().find(|file| file.contains(&name)).unwrap();
    assert!(!pair.remote.show(written).contains("namespace"), "{files:?}");
    app.stop().await.unwrap();
}

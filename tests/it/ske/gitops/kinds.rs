//! Kinds as definitions may name them: with `-` in them, such as Kratix's own `paved-path-demo`.

use serde_json::json;

use super::place::{Depot, TEAM, commit_of, database, hash_of};
use crate::{
    actions::portal::send,
    ske::{
        place::{CONFIGURE, DELETE},
        portal::{get, manifest, named, post, resource, state},
    },
    support::{app::STATIC_TOKEN, kubernetes::RequestKind},
};

fn application() -> RequestKind {
    RequestKind {
        kind: "argocd-application".to_owned(),
        plural: "argocd-applications".to_owned(),
        ..database()
    }
}

#[tokio::test]
async fn a_kind_with_a_dash_is_taken_by_every_route() {
    let depot = Depot::open().await;
    let kind = application();
    let body = manifest(&kind, TEAM, "mine", json!({ "size": "small" }));
    commit_of(post(&depot.app, STATIC_TOKEN, CONFIGURE, &body).await);
    let file = "requests/team_argocd-application.example.org_mine.yaml";
    assert_eq!(depot.files(), [file]);
    let read = get(&depot.app, STATIC_TOKEN, &resource(&kind, TEAM, "mine"))
        .await
        .ok();
    assert_eq!(read["manifest"]["kind"], "argocd-application");
    get(&depot.app, STATIC_TOKEN, &state(&kind, TEAM, "mine"))
        .await
        .ok();
    let body = named(&kind, TEAM, "mine");
    hash_of(post(&depot.app, STATIC_TOKEN, DELETE, &body).await);
}

#[tokio::test]
async fn a_kind_with_a_dash_is_taken_by_every_action() {
    let depot = Depot::open().await;
    let kind = application();
    let written = manifest(&kind, TEAM, "mine", json!({ "size": "small" }));
    let named = named(&kind, TEAM, "mine");
    let recorded = json!({ "promiseName": "argocd", "name": "mine", "namespace": TEAM, "action": "Request",
        "manifest": written["manifest"] });
    for (action, input) in [
        ("configure-resource", &written),
        ("get-resource", &named),
        ("record-request", &recorded),
        ("delete-resource", &named),
    ] {
        let path = format!("/api/ske/.backstage/actions/v1/actions/ske%3A{action}/invoke");
        let template = depot.guests_template();
        let reply = send(&depot.app, ("POST", &path), Some(&template), &input.to_string()).await;
        assert_eq!(reply.status, 200, "{action}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_kind_with_a_dash_at_its_end_is_a_400() {
    let depot = Depot::open().await;
    for text in ["application-", "-application", "1-application", "app_lication"] {
        let kind = RequestKind {
            kind: text.to_owned(),
            ..application()
        };
        let body = manifest(&kind, TEAM, "mine", json!({}));
        let (status, message) = depot.configure(&body).await.refused();
        assert!(
            status == 400 && message.contains("kind '"),
            "{text}: {status} {message}"
        );
    }
}

//! What the portal is asked about a user before the cluster judges: ownership and annotations.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Scene, impersonated};
use crate::support::{app::TestApp, backstage::Answer, kubernetes::Subject};

pub(super) const USER_INFO: &str = "/api/auth/v1/userinfo";

const BY_OWNERSHIP: &str =
    "{ impersonation: { user: 'backstage:{namespace}/{name}', groupsFrom: ownership } }";

const BY_ANNOTATION: &str =
    "{ impersonation: { usernameFrom: 'annotation:example.com/login', user: 'oidc:{annotation}' } }";

/// Lets the auth backend say what the user owns through.
fn owns_through(scene: &Scene, user: &str, entities: &[&str]) {
    let answer = json!({ "claims": { "sub": format!("user:default/{user}"), "ent": entities } });
    scene.backstage.fake.serve(USER_INFO, Answer::Document(answer));
}

fn entity(user: &str) -> String {
    format!("/api/catalog/entities/by-name/user/default/{user}")
}

/// Gives the user's entity these annotations.
fn annotate(scene: &Scene, user: &str, annotations: &Value) {
    let answer = json!({ "kind": "User", "metadata": { "name": user, "annotations": annotations } });
    scene
        .backstage
        .fake
        .serve(&entity(user), Answer::Document(answer));
}

/// The user's token inside a plugin's.
pub(super) fn on_behalf(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["obo"].as_str().unwrap().to_owned()
}

/// Asserts that the user is refused so without any call about the object.
async fn refused(scene: &Scene, app: &TestApp, (status, part): (u16, &str)) {
    let said = scene
        .read(app, &scene.backstage.user("jane", json!({})))
        .await
        .refused();
    assert_eq!(said.0, status, "{}", said.1);
    assert!(said.1.contains(part), "{}", said.1);
    scene.assert_not_asked().await;
}

#[tokio::test]
async fn what_a_user_owns_through_becomes_a_group_each() {
    let scene = Scene::with_impersonation("ownership").await;
    let team = format!("group:default/{}", scene.namespace);
    scene.allow(&Subject::Group(team.clone()), &["get"]).await;
    let app = scene.own(BY_OWNERSHIP).await;
    owns_through(
        &scene,
        "jane",
        &["user:default/jane", "group:default/other", &team],
    );
    let jane = scene.backstage.user("jane", json!({}));
    scene.read(&app, &jane).await.ok();
    assert_eq!(
        scene.backstage.fake.credentials(USER_INFO),
        Some(format!("Bearer {jane}"))
    );
    owns_through(&scene, "joe", &["user:default/joe", "group:default/other"]);
    let (status, message) = scene
        .read(&app, &scene.backstage.user("joe", json!({})))
        .await
        .refused();
    assert_eq!(status, 403);
    assert!(message.contains(&impersonated("joe")), "{message}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn ownership_is_asked_for_calls_through_the_scaffolder_with_the_token_handed_on() {
    let scene = Scene::with_impersonation("limited").await;
    let team = format!("group:default/{}", scene.namespace);
    scene.allow(&Subject::Group(team.clone()), &["get"]).await;
    let app = scene.own(BY_OWNERSHIP).await;
    owns_through(&scene, "jane", &[&team]);
    let through = scene.backstage.on_behalf_of("jane", "scaffolder");
    scene.read(&app, &through).await.ok();
    let asked_with = format!("Bearer {}", on_behalf(&through));
    assert_eq!(scene.backstage.fake.credentials(USER_INFO), Some(asked_with));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn ownership_is_asked_once_for_many_calls_of_one_user_and_for_each_user_anew() {
    let scene = Scene::with_impersonation("remembered").await;
    let app = scene.own(BY_OWNERSHIP).await;
    for (count, user) in [(1, "jane"), (2, "joe"), (2, "jane")] {
        owns_through(&scene, user, &["group:default/x"]);
        for _ in 0..3 {
            let said = scene.read(&app, &scene.backstage.user(user, json!({}))).await;
            assert!(said.refused().1.contains(&impersonated(user)));
        }
        assert_eq!(scene.backstage.fake.fetches(USER_INFO), count);
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn ownership_that_cannot_be_known_is_not_taken_for_none_and_no_call_is_made() {
    let scene = Scene::with_impersonation("unknown").await;
    let app = scene.own(BY_OWNERSHIP).await;
    let jane = |claims: Value| Answer::Document(json!({ "claims": claims }));
    let failures = [
        Answer::Status(503),
        Answer::Status(401),
        Answer::Status(404),
        Answer::Redirect("http://127.0.0.1:1/".to_owned()),
        Answer::Text("<html>".to_owned()),
        Answer::Text("x".repeat(2 << 20)),
        Answer::Document(json!({})),
        Answer::Document(json!([])),
        jane(json!({ "sub": "user:default/jane" })),
        jane(json!({ "sub": "user:default/jane", "ent": "group:default/x" })),
        jane(json!({ "sub": "user:default/jane", "ent": ["group:default/x", 7] })),
        jane(json!({ "sub": "user:default/joe", "ent": ["group:default/x"] })),
    ];
    for failure in failures {
        scene.backstage.fake.serve(USER_INFO, failure);
        refused(&scene, &app, (502, "auth backend")).await;
    }
    scene.backstage.fake.serve(USER_INFO, Answer::Hang);
    refused(&scene, &app, (504, "auth backend")).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_auth_backend_that_recovers_is_asked_again() {
    let scene = Scene::with_impersonation("recovers").await;
    let team = format!("group:default/{}", scene.namespace);
    scene.allow(&Subject::Group(team.clone()), &["get"]).await;
    let app = scene.own(BY_OWNERSHIP).await;
    scene.backstage.fake.serve(USER_INFO, Answer::Status(503));
    refused(&scene, &app, (502, "auth backend")).await;
    owns_through(&scene, "jane", &[&team]);
    scene
        .read(&app, &scene.backstage.user("jane", json!({})))
        .await
        .ok();
    app.stop().await.unwrap();
}

#[tokio::test]
async fn no_group_that_a_user_owns_through_is_kubernetes_own_or_half_a_reference() {
    let scene = Scene::with_impersonation("own-groups").await;
    for entity in [
        "system:masters",
        "system:default/masters",
        "System:a/b",
        "",
        "masters",
        "group:x",
        "group:default/a\nb",
    ] {
        let app = scene.own(BY_OWNERSHIP).await;
        owns_through(&scene, "jane", &["group:default/fine", entity]);
        refused(&scene, &app, (403, "")).await;
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_annotation_gives_a_user_the_name_that_signing_in_at_the_cluster_gives() {
    let scene = Scene::with_impersonation("annotation").await;
    let login = format!("jane-of-{}", scene.namespace);
    scene.allow(&Subject::oidc_user(&login), &["get"]).await;
    annotate(&scene, "jane", &json!({ "example.com/login": login }));
    let app = scene.own(BY_ANNOTATION).await;
    let jane = scene.backstage.user("jane", json!({}));
    for _ in 0..3 {
        scene.read(&app, &jane).await.ok();
    }
    let signed_in = scene.oidc("{}").await;
    scene
        .read(&signed_in, &scene.user("jane", scene.provider_token(&login)))
        .await
        .ok();
    scene.assert_judged_as(&format!("oidc:{login}"), 4).await;
    assert_eq!(scene.backstage.fake.fetches(&entity("jane")), 1);
    assert_eq!(
        scene.backstage.fake.credentials(&entity("jane")),
        Some(format!("Bearer {jane}"))
    );
    for app in [app, signed_in] {
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_user_without_the_entity_or_the_annotation_is_nobody() {
    let scene = Scene::with_impersonation("bare").await;
    let absent = [
        json!({}),
        json!({ "example.com/login": null }),
        json!({ "example.com/login": 7 }),
        json!({ "other": "x" }),
    ];
    for annotations in absent {
        annotate(&scene, "jane", &annotations);
        let app = scene.own(BY_ANNOTATION).await;
        refused(&scene, &app, (403, "'example.com/login'")).await;
        app.stop().await.unwrap();
    }
    scene.backstage.fake.serve(&entity("jane"), Answer::Status(404));
    let app = scene.own(BY_ANNOTATION).await;
    refused(&scene, &app, (403, "'example.com/login'")).await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_annotation_that_names_kubernetes_own_or_fits_no_header_makes_nobody() {
    let scene = Scene::with_impersonation("bad-value").await;
    let whole = "{ impersonation: { usernameFrom: 'annotation:example.com/login' } }";
    for value in [
        "system:admin",
        "System:masters",
        "",
        " jane",
        "jane\nx",
        "jané",
        &"x".repeat(300),
    ] {
        annotate(&scene, "jane", &json!({ "example.com/login": value }));
        let app = scene.own(whole).await;
        refused(&scene, &app, (403, "")).await;
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_catalog_that_does_not_tell_is_not_taken_for_a_user_without_annotations() {
    let scene = Scene::with_impersonation("catalog").await;
    let app = scene.own(BY_ANNOTATION).await;
    for failure in [
        Answer::Status(503),
        Answer::Status(401),
        Answer::Text("<html>".to_owned()),
    ] {
        scene.backstage.fake.serve(&entity("jane"), failure);
        refused(&scene, &app, (502, "catalog backend")).await;
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_annotation_cannot_be_looked_up_for_calls_through_another_plugin_and_the_answer_says_so() {
    let scene = Scene::with_impersonation("handed-on").await;
    annotate(&scene, "jane", &json!({ "example.com/login": "jane" }));
    let app = scene.own(BY_ANNOTATION).await;
    let through = scene.backstage.on_behalf_of("jane", "scaffolder");
    let (status, message) = scene.read(&app, &through).await.refused();
    assert_eq!(status, 403);
    assert!(message.contains("usernameFrom"), "{message}");
    assert_eq!(scene.backstage.fake.fetches(&entity("jane")), 0);
    scene.assert_not_asked().await;
    app.stop().await.unwrap();
}

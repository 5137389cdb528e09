//! The life of one object with identities other than our own account's.

use serde_json::json;

use super::{IMPERSONATION, Scene, impersonated};
use crate::{
    ske::kubernetes::{manage, whole_life},
    support::{
        app::TestApp,
        kubernetes::{Kratix, Rule, Subject},
    },
};

/// Lives a life with the token and asserts as whom each of its calls was judged.
async fn lives_as(scene: &Scene, app: TestApp, token: &str, user: &str) {
    let kind = scene.cluster.promise("Database").await;
    manage(
        &scene.cluster,
        &Subject::User(user.to_owned()),
        &kind,
        &scene.namespace,
    )
    .await;
    let kratix = Kratix::of(&scene.cluster, &kind, &scene.namespace);
    whole_life(&app, token, &kratix, (&kind, &scene.namespace)).await;
    let entries = scene.cluster.audit().mentioning(&kind.group);
    let about_it = |verb: &str| {
        let objects = entries.iter().filter(|entry| entry.object["name"] == "mine");
        let of_others = objects.filter(|entry| entry.user != "admin" && entry.verb == verb);
        let judged: Vec<&str> = of_others.map(|entry| entry.judged_as()).collect();
        assert!(judged.iter().all(|judged| *judged == user), "{verb}: {judged:?}");
        judged.len()
    };
    let seen = ["create", "update", "delete"].map(about_it);
    assert_eq!(seen, [1, 1, 1]);
    // Two before the writes, one before the deletion, six by the portal itself.
    assert_eq!(about_it("get"), 9);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn with_the_users_own_token_an_object_lives_from_creation_to_deletion() {
    let scene = Scene::new("life").await;
    let app = scene.oidc("{}").await;
    let name = format!("jane-of-{}", scene.namespace);
    let token = scene.user(&name, scene.provider_token(&name));
    lives_as(&scene, app, &token, &format!("oidc:{name}")).await;
}

#[tokio::test]
async fn with_impersonation_an_object_lives_from_creation_to_deletion() {
    let scene = Scene::with_impersonation("life").await;
    let app = scene.own(IMPERSONATION).await;
    let token = scene.backstage.user(&scene.namespace, json!({}));
    lives_as(&scene, app, &token, &impersonated(&scene.namespace)).await;
}

#[tokio::test]
async fn with_impersonation_an_object_lives_through_the_scaffolder_too() {
    let scene = Scene::with_impersonation("life").await;
    let app = scene.own(IMPERSONATION).await;
    let token = scene.backstage.on_behalf_of(&scene.namespace, "scaffolder");
    lives_as(&scene, app, &token, &impersonated(&scene.namespace)).await;
}

#[tokio::test]
async fn on_a_cluster_of_user_tokens_impersonation_serves_whoever_comes_without_one() {
    let scene = Scene::with_impersonation("both").await;
    let entry = format!(
        "authProvider: oidc\n          oidcTokenProvider: keycloak\n          serviceAccountToken: {}",
        scene.token
    );
    let config = scene.backstage.app_config(&scene.cluster, &entry, IMPERSONATION);
    let app = TestApp::start(&config).await;
    let name = format!("jane-of-{}", scene.namespace);
    let rule = Rule::on("", &["configmaps"])
        .verbs(&["get"])
        .within(&scene.namespace);
    for user in [format!("oidc:{name}"), impersonated(&name)] {
        scene.cluster.allow(&Subject::User(user), &rule).await;
    }
    let own = scene.user(&name, scene.provider_token(&name));
    let through = scene.backstage.on_behalf_of(&name, "scaffolder");
    let without = scene.backstage.user(&name, json!({}));
    for token in [&own, &through, &without] {
        scene.read(&app, token).await.ok();
    }
    let requests = scene.requests().await;
    let judged: Vec<&str> = requests.iter().map(|request| request.judged_as()).collect();
    let impersonated = impersonated(&name);
    assert_eq!(judged, [&format!("oidc:{name}"), &impersonated, &impersonated]);
    app.stop().await.unwrap();
}
